"""From a path to who answers it. Every path is a whole one, so that a dict finds what a router would search for."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.server.model.request_notes import ROUTE


class Paths:
    """The routes as an ASGI application.

    Args:
        endpoints: by path.
        not_found: answers every other path.
        prefix: the issuer's own path, which the noted routes go without.
    """

    def __init__(self, endpoints: Mapping[str, ASGIApp], *, not_found: ASGIApp, prefix: str = "") -> None:
        self._endpoints = {path: (endpoint, _route(path, prefix)) for path, endpoint in endpoints.items()}
        self._not_found = not_found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; there are no WebSockets here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        found = self._endpoints.get(_path_below(scope.get("root_path", ""), scope["path"]))
        if found is None:
            await self._not_found(scope, receive, send)
            return
        endpoint, scope[ROUTE] = found
        await endpoint(scope, receive, send)


def _path_below(root: str, path: str) -> str:
    """The path relative to where the application is mounted: servers put the one in front of the other (ASGI)."""
    root = root.rstrip("/")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _route(path: str, prefix: str) -> str:
    """What a path is called where requests are counted: all static files are one."""
    route = path.removeprefix(prefix) if prefix and path.startswith(f"{prefix}/") else path
    return "/static" if route.startswith("/static/") else route
