"""The ToDo web app: static files, and jotary's backend-for-frontend around them."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from jotary.client.bff import BFF

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def _index(_request: Request) -> FileResponse:
    return FileResponse(_STATIC / "index.html", headers=_HEADERS)


def from_environment() -> BFF:
    """The web app as `uvicorn --factory todo.web.app:from_environment` starts it."""
    pages = Starlette(routes=[Route("/", _index), Mount("/static", StaticFiles(directory=_STATIC))])
    return BFF(
        pages,
        issuer=os.environ["TODO_ISSUER"],
        client_id=os.environ["TODO_CLIENT_ID"],
        client_secret=os.environ["TODO_CLIENT_SECRET"],
        secret=os.environ["TODO_SECRET"].encode(),
        base_url=os.environ["TODO_WEB_URL"],
        scopes=["openid", "profile", "email", "todo:read", "todo:write"],
        resource=os.environ["TODO_AUDIENCE"],
        proxy={"/api": os.environ["TODO_API_URL"]},
    )
