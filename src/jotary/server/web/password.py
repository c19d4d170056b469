"""`/password`: the form to change one's password, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.change_password import Changed, PasswordForm
from jotary.server.flows.endpoints import CHANGE_PASSWORD
from jotary.server.flows.limits.limit import TooMany
from jotary.server.flows.login import Refused
from jotary.server.model.user import User
from jotary.server.web.body import read_form
from jotary.server.web.cookies import KNOWN, SIGN_IN, read_cookie, set_cookie
from jotary.server.web.forms import Forms
from jotary.server.web.pages import Pages
from jotary.server.web.parts import Parts
from jotary.server.web.presence import while_present
from jotary.server.web.sign_in import address_of
from jotary.server.web.too_many import told_when, when_again

_MISSING = {"password": ("Enter your present password.",)}
_WRONG = {"password": ("This is not your present password.",)}


@dataclass(frozen=True, slots=True)
class PasswordPages:
    """Where a person who is signed in chooses another password."""

    parts: Parts
    pages: Pages
    forms: Forms

    async def get(self, request: Request) -> Response:
        """Show the form, or the way to sign in."""
        user = await self._who(request)
        return self._form(request, user, {}) if user else self._sign_in_first()

    async def well_known(self, _request: Request) -> Response:
        """Where password managers send people (W3C, A Well-Known URL for Changing Passwords, 3)."""
        return self.pages.go(CHANGE_PASSWORD)

    async def post(self, request: Request) -> Response:
        """Change the password, or show the form again with what to change."""
        form = await read_form(request)
        self.forms.check(request, form, again=CHANGE_PASSWORD)
        user = await self._who(request)
        if user is None:
            return self._sign_in_first()
        password = form.get("password")
        if password is None:
            return self._form(request, user, _MISSING)
        return await self._change(request, user, form, Secret(password))

    async def _change(self, request: Request, user: User, form: Parameters, password: Secret) -> Response:
        change = self.parts.change_password(
            PasswordForm(password=password, new_password=Secret(form.get("new_password") or "")),
            cookie=read_cookie(request, SIGN_IN),
            browser=read_cookie(request, KNOWN),
            address=request.client.host if request.client else None,
            now=self.parts.clock(),
        )
        outcome = await while_present(request, change)
        if isinstance(outcome, Changed):
            return self._changed(outcome)
        if isinstance(outcome, TooMany):
            problems = {"form": (f"There were too many attempts. {when_again(outcome)}",)}
            return told_when(outcome, self._form(request, user, problems))
        if isinstance(outcome, Refused):
            return self._form(request, user, _WRONG)
        return self._sign_in_first() if outcome is None else self._form(request, user, {"new_password": outcome})

    def _changed(self, outcome: Changed) -> Response:
        response = self.pages.page("password_changed")
        set_cookie(response, SIGN_IN, outcome.cookie, max_age=self.parts.settings.sign_in_lifetime)
        return response

    async def _who(self, request: Request) -> User | None:
        return await self.parts.change_password.who(read_cookie(request, SIGN_IN), now=self.parts.clock())

    def _form(self, request: Request, user: User, problems: Mapping[str, tuple[str, ...]]) -> Response:
        return self.forms.page(
            request,
            "password",
            status=400 if problems else 200,
            user=user,
            problems=problems,
            password_min_length=self.parts.settings.password_min_length,
        )

    def _sign_in_first(self) -> Response:
        return self.pages.go(address_of("/sign-in", CHANGE_PASSWORD))
