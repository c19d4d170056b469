"""`/sign-up`: the form, and what becomes of it."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.sign_up import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH, Problem, SignUpForm
from jotary.server.flows.limits.limit import TooMany
from jotary.server.flows.login import LoggedIn
from jotary.server.flows.return_to import check_return_to
from jotary.server.web.body import read_form
from jotary.server.web.cookies import SIGN_IN, read_cookie
from jotary.server.web.forms import Forms, typed
from jotary.server.web.pages import Pages
from jotary.server.web.parts import Parts
from jotary.server.web.presence import while_present
from jotary.server.web.sign_in import address_of, context_of, return_to_of, signed_in_response
from jotary.server.web.too_many import told_when, when_again


@dataclass(frozen=True, slots=True)
class SignUpPages:
    """Where people make an account, if the operator lets them."""

    parts: Parts
    pages: Pages
    forms: Forms

    async def get(self, request: Request) -> Response:
        """Show the form."""
        self._check_open()
        return await self._form(request, return_to_of(request))

    async def post(self, request: Request) -> Response:
        """Make the account and sign it in, or show the form again with what to change."""
        self._check_open()
        form = await read_form(request)
        return_to = check_return_to(form.get("return_to"))
        self.forms.check(request, form, again=address_of("/sign-up", return_to))
        username, name = typed(form, "username"), typed(form, "name")
        sign_up = self.parts.sign_up(
            SignUpForm(username=username, name=name, password=Secret(form.get("password") or "")),
            cookie=read_cookie(request, SIGN_IN),
            address=request.client.host if request.client else None,
            now=self.parts.clock(),
        )
        outcome = await while_present(request, sign_up)
        if isinstance(outcome, LoggedIn):
            return signed_in_response(self.parts, self.pages, return_to, outcome)
        if isinstance(outcome, TooMany):
            problems = (Problem("form", ("Too many accounts were asked for from your network.", when_again(outcome))),)
            page = await self._form(request, return_to, username=username, name=name, problems=problems)
            return told_when(outcome, page)
        return await self._form(request, return_to, username=username, name=name, problems=outcome)

    async def _form(
        self,
        request: Request,
        return_to: str,
        *,
        username: str = "",
        name: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> Response:
        words = await context_of(self.parts, return_to)
        words["username"] = username[:MAX_EMAIL_LENGTH] or words["username"]
        return self.forms.page(
            request,
            "sign_up",
            status=400 if problems else 200,
            name=name[:MAX_NAME_LENGTH],
            problems={problem.field: problem.sentences for problem in problems},
            password_min_length=self.parts.settings.password_min_length,
            **words,
        )

    def _check_open(self) -> None:
        if not self.parts.settings.sign_up:
            raise OAuthError("access_denied", "Accounts are made by an administrator here.", status=404)
