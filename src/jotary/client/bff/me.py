"""`GET /auth/me`: who is signed in, for the page's script. It holds no token."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from jotary.client.bff.answers import NO_STORE, problem, with_cookies
from jotary.client.bff.keeper import Live, Over, SessionKeeper, Suspended
from jotary.client.bff.settings import AUTH_PREFIX
from jotary.jose import strict_json


class Me:
    """Answers from the session, which is refreshed first when it is due: the issuer has the last word."""

    def __init__(self, keeper: SessionKeeper, clock: Callable[[], int]) -> None:
        self._keeper = keeper
        self._clock = clock

    async def __call__(self, _request: Request, present: dict[str, str]) -> Response:
        """200 with `sub`, `name`, `email` and `expires_in` (seconds of the session), 401 or 503."""
        outcome = await self._keeper.use(present)
        return with_cookies(self._answer(outcome), self._keeper.set_cookies(outcome, present))

    def _answer(self, outcome: Live | Over | Suspended) -> Response:
        if not isinstance(outcome, Live):
            return not_signed_in(outcome)
        session = outcome.session
        members = {
            "sub": session.subject,
            "name": session.name,
            "email": session.email,
            "expires_in": session.expires_at - self._clock(),
        }
        return Response(strict_json.dumps(members), media_type="application/json", headers=NO_STORE)


def not_signed_in(outcome: Over | Suspended) -> Response:
    """The answer where a session is needed and there is none to use."""
    if isinstance(outcome, Suspended):
        return problem(
            503,
            "The sign-in service cannot be reached. You are still signed in; try again.",
            headers={"Retry-After": str(outcome.retry_after)},
        )
    return problem(
        401,
        f"Nobody is signed in. Open {AUTH_PREFIX}/login in the browser.",
        headers={"WWW-Authenticate": 'Cookie cookie-name="__Host-session"'},  # RFC 9110 §11.6.1 asks for a challenge
    )
