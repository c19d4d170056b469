"""The stylesheets, the marks and the inspector's script: read once at start, served from memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from jotary.server.web.documents import Document
from jotary.server.web.headers import PUBLIC

_FOLDER: Final = Path(__file__).parent / "static"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {**PUBLIC, "Cache-Control": "public, max-age=3600"}
# Modules name each other without a digest: one of an older version must not be met by one of a newer.
_REVALIDATED: Final = {**PUBLIC, "Cache-Control": "no-cache"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


def load_static_files() -> Mapping[str, Document]:
    """Every file of the folder, by name."""
    return {
        file.name: Document(
            file.read_bytes(),
            media_type=_MEDIA_TYPES[file.suffix],
            headers=_REVALIDATED if file.suffix == ".js" else _HEADERS,
        )
        for file in sorted(_FOLDER.iterdir())
        if file.suffix in _MEDIA_TYPES
    }


def address(name: str, document: Document, *, path: str) -> str:
    """Where a page finds a file; `path` is the issuer's. With the digest in it, it changes with the file."""
    return f"{path}/static/{name}?v={document.digest}"


class StaticEndpoint:
    """Serves one file."""

    def __init__(self, document: Document) -> None:
        self._document = document

    async def get(self, request: Request) -> Response:
        """Answer GET and HEAD. Under the address that changes with it the file may be kept for a year."""
        response = self._document.response(request)
        if request.query_params.get("v") == self._document.digest:
            response.headers["Cache-Control"] = _FOR_EVER
        return response
