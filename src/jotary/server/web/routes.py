"""Every path of the server, and who answers it."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.oauth.errors import OAuthError
from jotary.server.flows import endpoints as paths
from jotary.server.web.authorize import AuthorizePages
from jotary.server.web.csrf import CSRF
from jotary.server.web.endpoint import Endpoint, Face, Handler
from jotary.server.web.feed import FeedEndpoint
from jotary.server.web.forms import Forms
from jotary.server.web.home import HomePages
from jotary.server.web.inspector import InspectorPage
from jotary.server.web.json_face import JSONFace, any_preflight
from jotary.server.web.logout import LogoutPages
from jotary.server.web.pages import PageFace, Pages
from jotary.server.web.parts import Parts
from jotary.server.web.published import Published
from jotary.server.web.sign_in import SignInPages
from jotary.server.web.sign_up import SignUpPages
from jotary.server.web.static_files import StaticEndpoint, load_static_files
from jotary.server.web.token_side import TokenSide

_OPENID_CONFIGURATION: Final = "/.well-known/openid-configuration"
_OAUTH_METADATA: Final = "/.well-known/oauth-authorization-server"


def build_app(parts: Parts) -> ASGIApp:
    """The server's routes as an ASGI application; it holds no middleware and opens nothing.

    All paths are relative to the issuer. Below a path (`https://example.com/id`) it answers with that path in front,
    without it behind a proxy that strips it, and mounted there in another application.
    """
    static = load_static_files()
    pages = Pages(service_name=parts.settings.service_name, path=parts.path, is_https=parts.is_https, static=static)
    routes = [
        *_token_side_routes(parts),
        *_published_routes(parts),
        *_page_routes(parts, pages),
        *(
            _route(parts, f"/static/{name}", _read(StaticEndpoint(file).get), PageFace(pages))
            for name, file in static.items()
        ),
    ]
    not_found = _NotFound(parts, pages)
    if parts.path:
        # RFC 8414 §3.1 puts the well-known path in front of the issuer's; OIDC Discovery §4 behind it.
        inserted = _route(parts, _OAUTH_METADATA + parts.path, _read(Published(parts).metadata), JSONFace())
        below = Router(list(routes), redirect_slashes=False, default=not_found)
        routes = [*routes, inserted, Mount(parts.path, app=below)]
    return Router(routes, redirect_slashes=False, default=not_found)


def _token_side_routes(parts: Parts) -> list[BaseRoute]:
    """First, for they are called most."""
    token_side = TokenSide(parts)
    face, local = JSONFace(is_cross_origin=True), JSONFace()
    return [
        _route(parts, paths.TOKEN, {"POST": token_side.token, "OPTIONS": any_preflight}, face),
        _route(
            parts,
            paths.USERINFO,
            {"GET": token_side.userinfo, "POST": token_side.userinfo, "OPTIONS": any_preflight},
            face,
        ),
        _route(parts, paths.INTROSPECTION, {"POST": token_side.introspect}, local),
        _route(parts, paths.REVOCATION, {"POST": token_side.revoke, "OPTIONS": any_preflight}, face),
    ]


def _published_routes(parts: Parts) -> list[BaseRoute]:
    published = Published(parts)
    face, local = JSONFace(is_cross_origin=True), JSONFace()
    metadata = {**_read(published.metadata), "OPTIONS": any_preflight}
    return [
        _route(parts, paths.JWKS, {**_read(published.jwks), "OPTIONS": any_preflight}, face),
        _route(parts, _OPENID_CONFIGURATION, metadata, face),
        _route(parts, _OAUTH_METADATA, metadata, face),
        _route(parts, paths.REVOCATIONS, {"GET": FeedEndpoint(parts.feed).get}, local),
        _route(parts, "/health", _read(published.health), local),
        _route(parts, "/ready", _read(published.ready), local),
    ]


def _page_routes(parts: Parts, pages: Pages) -> list[BaseRoute]:
    forms = Forms(pages, CSRF(parts.csrf_key, parts.origin, parts.accepted_csrf_keys), parts.entropy)
    face = PageFace(pages)
    authorize, logout = AuthorizePages(parts, pages, forms), LogoutPages(parts, pages, forms)
    sign_in, sign_up = SignInPages(parts, pages, forms), SignUpPages(parts, pages, forms)
    home = HomePages(parts, pages, forms)
    return [
        # A HEAD must not issue codes or sign anybody out: link checkers send them.
        _route(parts, paths.AUTHORIZATION, {"GET": authorize.get, "POST": authorize.post}, face),
        _route(parts, paths.END_SESSION, {"GET": logout.get, "POST": logout.post}, face),
        _route(parts, "/consent", {"POST": authorize.consent}, face),
        _route(parts, "/sign-in", {**_read(sign_in.get), "POST": sign_in.post}, face),
        _route(parts, "/sign-up", {**_read(sign_up.get), "POST": sign_up.post}, face),
        _route(parts, "/sessions/end", {"POST": home.end_session}, face),
        _route(parts, "/inspect", _read(InspectorPage(parts, pages).get), face),
        _route(parts, "/", _read(home.get), face),
    ]


def _read(handler: Handler) -> Mapping[str, Handler]:
    """The methods of what is only read."""
    return {"GET": handler, "HEAD": handler}


def _route(parts: Parts, path: str, handlers: Mapping[str, Handler], face: Face) -> Route:
    return Route(path, Endpoint(handlers, face=face, entropy=parts.entropy))


class _NotFound(Endpoint):
    """Every other path, whatever the method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; there are no WebSockets here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await super().__call__(scope, receive, send)

    def __init__(self, parts: Parts, pages: Pages) -> None:
        super().__init__({}, face=PageFace(pages), entropy=parts.entropy)

    def _handler(self, method: str) -> Handler:  # noqa: ARG002 -- the signature of what it replaces
        return _not_found


async def _not_found(_request: Request) -> Response:
    raise OAuthError("invalid_request", "There is no such page.", status=404)
