"""The endpoints that programs call: form in, flow, JSON out."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.errors import OAuthError, invalid_request
from jotary.oauth.parameters import Parameters
from jotary.server.flows.grant import always
from jotary.server.flows.userinfo import challenged
from jotary.server.model.request_notes import AWAITED, GRANT
from jotary.server.web.body import read_form
from jotary.server.web.headers import CORS, NO_STORE
from jotary.server.web.json_face import json_headers, json_response
from jotary.server.web.parts import Parts

_CROSS_ORIGIN = {**NO_STORE, **CORS}
_CROSS_ORIGIN_JSON = json_headers(_CROSS_ORIGIN)


@dataclass(frozen=True, slots=True)
class TokenSide:
    """Token, revocation, introspection and userinfo."""

    parts: Parts

    async def token(self, request: Request) -> Response:
        """RFC 6749 §5.1."""
        form, authorization, address = await _read(request)
        request.scope[GRANT] = form.get("grant_type")
        answer = await self.parts.token(
            form,
            authorization,
            now=self.parts.clock(),
            address=address,
            is_awaited=request.scope.get(AWAITED, always),
        )
        return json_response(answer, headers=_CROSS_ORIGIN_JSON)

    async def revoke(self, request: Request) -> Response:
        """RFC 7009 §2.2: an empty 200, for an unknown token too."""
        form, authorization, address = await _read(request)
        await self.parts.revocation(form, authorization, now=self.parts.clock(), address=address)
        return Response(status_code=200, headers=_CROSS_ORIGIN)

    async def introspect(self, request: Request) -> Response:
        """RFC 7662 §2.2. For APIs, not for scripts in a page: no CORS."""
        form, authorization, address = await _read(request)
        answer = await self.parts.introspection(form, authorization, now=self.parts.clock(), address=address)
        return json_response(answer)

    async def userinfo(self, request: Request) -> Response:
        """OIDC Core §5.3."""
        try:
            form = await read_form(request) if request.method == "POST" else None
            authorization = _authorization(request)
        except OAuthError as error:
            raise challenged(error) from error
        answer = await self.parts.userinfo(authorization, form, now=self.parts.clock())
        return json_response(answer, headers=_CROSS_ORIGIN_JSON)


async def _read(request: Request) -> tuple[Parameters, str | None, str | None]:
    """Form, Authorization header and address. Parameters in the query are not looked at (RFC 6749 §3.2)."""
    form = await read_form(request)
    form.refuse_repeated(but={"resource"})  # RFC 6749 §3.2, RFC 8707 §2.2
    return form, _authorization(request), request.client.host if request.client else None


def _authorization(request: Request) -> str | None:
    """The Authorization header.

    Raises:
        OAuthError: invalid_request; there are several, and a proxy may have looked at another one.
    """
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise invalid_request("There are several Authorization headers.", hint="Send one.")
    return values[0] if values else None
