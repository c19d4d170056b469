"""Every path of the server, and who answers it."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

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
from jotary.server.web.password import PasswordPages
from jotary.server.web.paths import Paths
from jotary.server.web.published import Published
from jotary.server.web.sign_in import SignInPages
from jotary.server.web.sign_up import SignUpPages
from jotary.server.web.static_files import StaticEndpoint, load_static_files
from jotary.server.web.token_side import TokenSide

_OPENID_CONFIGURATION: Final = "/.well-known/openid-configuration"
_OAUTH_METADATA: Final = "/.well-known/oauth-authorization-server"
_CHANGE_PASSWORD: Final = "/.well-known/change-password"  # noqa: S105 -- a path, no secret


def build_app(parts: Parts) -> ASGIApp:
    """The server's routes as an ASGI application; it holds no middleware and opens nothing.

    All paths are relative to the issuer. Below a path (`https://example.com/id`) it answers with that path in front,
    without it behind a proxy that strips it, and mounted there in another application.
    """
    static = load_static_files()
    pages = Pages(service_name=parts.settings.service_name, path=parts.path, is_https=parts.is_https, static=static)
    endpoints = {
        **_token_side_endpoints(parts),
        **_published_endpoints(parts),
        **_page_endpoints(parts, pages),
        **{
            f"/static/{name}": _endpoint(parts, _read(StaticEndpoint(file).get), PageFace(pages))
            for name, file in static.items()
        },
    }
    if parts.path:
        endpoints |= {parts.path + path: endpoint for path, endpoint in endpoints.items()}
        # RFC 8414 §3.1 puts the well-known path in front of the issuer's; OIDC Discovery §4 behind it.
        endpoints[_OAUTH_METADATA + parts.path] = _endpoint(parts, _read(Published(parts).metadata), JSONFace())
    return Paths(endpoints, not_found=_NotFound(parts, pages), prefix=parts.path)


def _token_side_endpoints(parts: Parts) -> dict[str, Endpoint]:
    token_side = TokenSide(parts)
    face, local = JSONFace(is_cross_origin=True), JSONFace()
    return {
        paths.TOKEN: _endpoint(parts, {"POST": token_side.token, "OPTIONS": any_preflight}, face),
        paths.USERINFO: _endpoint(
            parts,
            {"GET": token_side.userinfo, "POST": token_side.userinfo, "OPTIONS": any_preflight},
            face,
        ),
        paths.INTROSPECTION: _endpoint(parts, {"POST": token_side.introspect}, local),
        paths.REVOCATION: _endpoint(parts, {"POST": token_side.revoke, "OPTIONS": any_preflight}, face),
    }


def _published_endpoints(parts: Parts) -> dict[str, Endpoint]:
    published = Published(parts)
    face, local = JSONFace(is_cross_origin=True), JSONFace()
    metadata = {**_read(published.metadata), "OPTIONS": any_preflight}
    return {
        paths.JWKS: _endpoint(parts, {**_read(published.jwks), "OPTIONS": any_preflight}, face),
        _OPENID_CONFIGURATION: _endpoint(parts, metadata, face),
        _OAUTH_METADATA: _endpoint(parts, metadata, face),
        paths.REVOCATIONS: _endpoint(parts, {"GET": FeedEndpoint(parts.feed).get}, local),
        "/health": _endpoint(parts, _read(published.health), local),
        "/ready": _endpoint(parts, _read(published.ready), local),
    }


def _page_endpoints(parts: Parts, pages: Pages) -> dict[str, Endpoint]:
    forms = Forms(pages, CSRF(parts.csrf_key, parts.origin, parts.accepted_csrf_keys), parts.entropy)
    face = PageFace(pages)
    authorize, logout = AuthorizePages(parts, pages, forms), LogoutPages(parts, pages, forms)
    sign_in, sign_up = SignInPages(parts, pages, forms), SignUpPages(parts, pages, forms)
    home, password = HomePages(parts, pages, forms), PasswordPages(parts, pages, forms)
    return {
        # A HEAD must not issue codes or sign anybody out: link checkers send them.
        paths.AUTHORIZATION: _endpoint(parts, {"GET": authorize.get, "POST": authorize.post}, face),
        paths.END_SESSION: _endpoint(parts, {"GET": logout.get, "POST": logout.post}, face),
        "/consent": _endpoint(parts, {"POST": authorize.consent}, face),
        "/sign-in": _endpoint(parts, {**_read(sign_in.get), "POST": sign_in.post}, face),
        "/sign-up": _endpoint(parts, {**_read(sign_up.get), "POST": sign_up.post}, face),
        paths.CHANGE_PASSWORD: _endpoint(parts, {**_read(password.get), "POST": password.post}, face),
        _CHANGE_PASSWORD: _endpoint(parts, _read(password.well_known), face),
        "/sessions/end": _endpoint(parts, {"POST": home.end_session}, face),
        "/inspect": _endpoint(parts, _read(InspectorPage(parts, pages).get), face),
        "/": _endpoint(parts, _read(home.get), face),
    }


def _read(handler: Handler) -> Mapping[str, Handler]:
    """The methods of what is only read."""
    return {"GET": handler, "HEAD": handler}


def _endpoint(parts: Parts, handlers: Mapping[str, Handler], face: Face) -> Endpoint:
    return Endpoint(handlers, face=face, entropy=parts.entropy, clock=parts.clock)


class _NotFound(Endpoint):
    """Every other path, whatever the method."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        super().__init__({}, face=PageFace(pages), entropy=parts.entropy, clock=parts.clock)

    def _handler(self, method: str) -> Handler:  # noqa: ARG002 -- the signature of what it replaces
        return _not_found


async def _not_found(_request: Request) -> Response:
    raise OAuthError("invalid_request", "There is no such page.", status=404)
