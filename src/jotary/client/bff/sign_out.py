"""`POST /auth/logout` ends the session; `GET /auth/logout` then takes the browser to the issuer to end the rest."""

import logging
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from jotary.client.bff.answers import NO_STORE, redirect, with_cookies
from jotary.client.bff.cookies import MAX_VALUE_LENGTH, clear_cookie, set_cookie
from jotary.client.bff.keeper import SessionKeeper
from jotary.client.bff.sealing import SEALING_ENTROPY, SEALING_OVERHEAD, Sealer
from jotary.client.bff.settings import AUTH_PREFIX, Settings
from jotary.client.errors import ClientError
from jotary.client.provider import Provider
from jotary.jose import strict_json
from jotary.oauth.secret import Secret

COOKIE: Final = "__Host-signout"
#: Seconds in which the browser comes back for the redirect.
LIFETIME: Final = 120

_LARGEST_HINT = MAX_VALUE_LENGTH * 3 // 4 - SEALING_OVERHEAD
_log = logging.getLogger("jotary.client.bff")


class SignOut:
    """Signing out in two steps, because a script cannot follow a redirect to the issuer, nor may it see an ID token.

    The first step alone ends the session for good: cookie, memory, and refresh token at the issuer (RFC 7009). The
    second ends the person's sign-in at the issuer (OIDC RP-Initiated Logout 1.0). The ID token that it wants as a
    hint waits for it in a sealed cookie.

    Args:
        settings: of the application.
        provider: the issuer.
        keeper: keeps sessions.
        sealer: seals the hint.
        entropy: so many bytes that nobody can guess.
    """

    def __init__(
        self,
        settings: Settings,
        provider: Provider,
        keeper: SessionKeeper,
        sealer: Sealer,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._keeper = keeper
        self._sealer = sealer
        self._entropy = entropy

    async def end(self, _request: Request, present: dict[str, str]) -> Response:
        """End the session, and say where the browser goes next. The caller has checked where the request is from."""
        session = self._keeper.presented(present)
        location = self._settings.signed_out_path
        cookies = self._keeper.clear(present)
        if session is not None:
            await self._keeper.end(session)
            location = f"{AUTH_PREFIX}/logout"
            cookies.append(self._hint(session.tokens.id_token))
        response = Response(strict_json.dumps({"location": location}), media_type="application/json", headers=NO_STORE)
        return with_cookies(response, cookies)

    async def leave(self, _request: Request, present: dict[str, str]) -> Response:
        """Take the browser to the issuer's sign-out, or straight home if nothing was ended a moment ago."""
        sealed = present.get(COOKIE)
        hint = self._sealer.open(sealed, purpose=COOKIE) if sealed else None
        url = None if hint is None else await self._issuer_url(Secret(hint.decode()) if hint else None)
        home = self._settings.post_logout_redirect_uri
        return with_cookies(redirect(url or home), [clear_cookie(COOKIE)] if sealed else [])

    async def _issuer_url(self, id_token: Secret | None) -> str | None:
        try:
            return await self._provider.end_session_url(
                id_token=id_token, return_to=self._settings.post_logout_redirect_uri
            )
        except ClientError as error:
            _log.warning("the browser could not be sent to the issuer's sign-out: %s", error)
            return None

    def _hint(self, id_token: Secret | None) -> str:
        """The cookie that carries the ID token to the second step; empty when there is none, or it is too long."""
        text = b"" if id_token is None else id_token.reveal().encode("ascii")
        if len(text) > _LARGEST_HINT:
            text = b""
        sealed = self._sealer.seal(text, purpose=COOKIE, entropy=self._entropy(SEALING_ENTROPY))
        return set_cookie(COOKIE, sealed, max_age=LIFETIME)
