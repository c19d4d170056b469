"""`/`: who is signed in at this browser and where, with the buttons to end it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from jotary.server.web.body import read_form
from jotary.server.web.cookies import SIGN_IN, read_cookie
from jotary.server.web.forms import Forms
from jotary.server.web.pages import Pages
from jotary.server.web.parts import Parts


@dataclass(frozen=True, slots=True)
class HomePages:
    """A person's own page."""

    parts: Parts
    pages: Pages
    forms: Forms

    async def get(self, request: Request) -> Response:
        """Show the page, or the way to sign in."""
        overview = await self.parts.home.overview(read_cookie(request, SIGN_IN), now=self.parts.clock())
        if overview is None:
            return self.pages.go("/sign-in")
        sessions = [(one.session.id, one.client_name, _day(one.session.created_at)) for one in overview.sessions]
        return self.forms.page(request, "home", user=overview.signed_in.user, sessions=sessions)

    async def end_session(self, request: Request) -> Response:
        """End one of the person's sessions, and show the page again."""
        form = await read_form(request)
        self.forms.check(request, form, again="/")
        session_id = form.require("session_id")
        await self.parts.home.end_session(session_id, read_cookie(request, SIGN_IN), now=self.parts.clock())
        return self.pages.go("/")


def _day(at: int) -> str:
    """The day of a moment (Unix seconds), for people."""
    day = datetime.fromtimestamp(at, UTC)
    return f"{day.day} {day:%B %Y}"
