"""`/sign-in`: the form, and what becomes of it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters, parse_form
from jotary.oauth.secret import Secret
from jotary.server.flows.authorization_request import MAX_LOGIN_HINT_LENGTH
from jotary.server.flows.authorize import NeedSignIn
from jotary.server.flows.limits.limit import TooMany
from jotary.server.flows.login import LoggedIn, Refused
from jotary.server.flows.return_to import after_sign_in, check_return_to, requested
from jotary.server.flows.signed_in import SignedIn, who_is_signed_in
from jotary.server.web.body import read_form
from jotary.server.web.cookies import KNOWN, KNOWN_MAX_AGE, SIGN_IN, read_cookie, set_cookie
from jotary.server.web.endpoint import MAX_QUERY_SIZE
from jotary.server.web.forms import Forms, typed
from jotary.server.web.pages import Pages
from jotary.server.web.parts import Parts
from jotary.server.web.presence import while_present
from jotary.server.web.too_many import told_when, when_again


@dataclass(frozen=True, slots=True)
class SignInPages:
    """Where people prove who they are."""

    parts: Parts
    pages: Pages
    forms: Forms

    async def get(self, request: Request) -> Response:
        """Show the form, or send on who need not sign in."""
        return_to = return_to_of(request)
        now, cookie = self.parts.clock(), read_cookie(request, SIGN_IN)
        idle_lifetime = self.parts.settings.sign_in_idle_lifetime
        signed_in = await who_is_signed_in(self.parts.store, cookie, now=now, idle_lifetime=idle_lifetime)
        if signed_in is not None and not await self._is_demanded(return_to, cookie, now=now):
            return self.pages.go(return_to)
        words = await context_of(self.parts, return_to)
        return self.forms.page(request, "sign_in", **{**words, "username": _suggestion(words, signed_in)}, problem=None)

    async def post(self, request: Request) -> Response:
        """Sign in, or show the form again."""
        form = await read_form(request)
        return_to = check_return_to(form.get("return_to"))
        self.forms.check(request, form, again=address_of("/sign-in", return_to))
        username, password = typed(form, "username"), form.get("password")
        if not username or password is None:
            return await self._again(request, return_to, username, "Enter your e-mail address and your password.")
        login = self.parts.login(
            username,
            {"password": Secret(password)},
            cookie=read_cookie(request, SIGN_IN),
            browser=read_cookie(request, KNOWN),
            address=request.client.host if request.client else None,
            now=self.parts.clock(),
        )
        outcome = await while_present(request, login)
        if isinstance(outcome, Refused):
            text = "That e-mail address and password do not fit together."
            return await self._again(request, return_to, username, text)
        if isinstance(outcome, TooMany):
            text = f"There were too many attempts to sign in. {when_again(outcome)}"
            return told_when(outcome, await self._again(request, return_to, username, text))
        return signed_in_response(self.parts, self.pages, return_to, outcome)

    async def _is_demanded(self, return_to: str, cookie: Secret | None, *, now: int) -> bool:
        """Whether the request to return to wants a fresher sign-in than the browser has."""
        parameters = requested(return_to)
        if parameters is None:
            return False
        return isinstance(await self.parts.authorize.preview(parameters, cookie, now=now), NeedSignIn)

    async def _again(self, request: Request, return_to: str, username: str, problem: str) -> Response:
        words = await context_of(self.parts, return_to)
        return self.forms.page(
            request, "sign_in", status=400, **{**words, "username": username[:MAX_LOGIN_HINT_LENGTH]}, problem=problem
        )


def signed_in_response(parts: Parts, pages: Pages, return_to: str, outcome: LoggedIn) -> Response:
    """On to where the person wanted to go, with the cookies of the sign-in."""
    response = pages.go(after_sign_in(return_to))
    set_cookie(response, SIGN_IN, outcome.cookie, max_age=parts.settings.sign_in_lifetime)
    set_cookie(response, KNOWN, outcome.browser, max_age=KNOWN_MAX_AGE)
    return response


def _suggestion(words: dict[str, Any], signed_in: SignedIn | None) -> str:
    """Whose address stands in the form already: whom the client means, or who is there."""
    return words["username"] or (signed_in.user.email if signed_in else "")


def return_to_of(request: Request) -> str:
    """The checked `return_to` of a page's address."""
    try:
        text = parse_form(request.scope["query_string"], limit=MAX_QUERY_SIZE).get("return_to")
    except OAuthError:
        text = None
    return check_return_to(text)


def address_of(page: str, return_to: str) -> str:
    """A page that returns there afterwards, relative to the issuer."""
    return f"{page}?return_to={quote(return_to, safe='/')}"


async def context_of(parts: Parts, return_to: str) -> dict[str, Any]:
    """What the forms for signing in and up share: who asks, where it goes on, and the way to the other form."""
    parameters = requested(return_to)
    client = None if parameters is None else await parts.authorize.client(parameters)
    return {
        "return_to": return_to,
        "client_name": client.name if client else None,
        "username": _login_hint(parameters),
        "sign_in_address": parts.path + address_of("/sign-in", return_to),
        "sign_up_address": parts.path + address_of("/sign-up", return_to) if parts.settings.sign_up else None,
        "form_action": "self" if parameters is None else "anywhere",
    }


def _login_hint(parameters: Parameters | None) -> str:
    """Whom the client means (OIDC Core §3.1.2.1)."""
    hints = () if parameters is None else parameters.all("login_hint")
    return hints[0] if len(hints) == 1 and len(hints[0]) <= MAX_LOGIN_HINT_LENGTH else ""
