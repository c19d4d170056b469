"""`/logout`: signing out, for a client or for the person."""

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.parameters import Parameters, parse_form
from jotary.server.flows.authorization_request import MAX_REQUEST_SIZE, ErrorPage
from jotary.server.flows.logout import AskFirst, SignOut
from jotary.server.web.body import read_form, too_large
from jotary.server.web.cookies import SIGN_IN, clear_cookie, read_cookie
from jotary.server.web.forms import TOKEN, Forms
from jotary.server.web.pages import Pages, redirect
from jotary.server.web.parts import Parts


@dataclass(frozen=True, slots=True)
class LogoutPages:
    """The end session endpoint (RP-Initiated Logout 1.0 §2)."""

    parts: Parts
    pages: Pages
    forms: Forms

    async def get(self, request: Request) -> Response:
        """A client, or a link, asks to sign the person out."""
        parameters = parse_form(request.scope["query_string"], limit=MAX_REQUEST_SIZE)
        return await self._respond(request, parameters, confirms=False)

    async def post(self, request: Request) -> Response:
        """Our own page confirms; or a client asks by POST, which becomes a GET so that the cookies come along."""
        form = await read_form(request)
        if TOKEN not in form:
            return self.pages.go(_path_of(form))
        asked = parse_form(form.get("request") or "", limit=MAX_REQUEST_SIZE)
        self.forms.check(request, form, again=_path_of(asked))
        return await self._respond(request, asked, confirms=True)

    async def _respond(self, request: Request, parameters: Parameters, *, confirms: bool) -> Response:
        cookie = read_cookie(request, SIGN_IN)
        answer = await self.parts.logout(parameters, cookie, now=self.parts.clock(), confirms=confirms)
        match answer:
            case ErrorPage(error):
                return self.pages.error(error)
            case AskFirst():
                return self._ask(request, parameters, answer)
            case SignOut():
                response = self._gone(answer)
                clear_cookie(response, SIGN_IN)
                return response

    def _ask(self, request: Request, parameters: Parameters, question: AskFirst) -> Response:
        return self.forms.page(
            request,
            "sign_out",
            # The client may redirect further, as after a sign-in; without a client nothing leaves this server.
            form_action="anywhere" if question.client else "self",
            client_name=question.client.name if question.client else None,
            email=question.signed_in.user.email,
            logout_request=urlencode(parameters.pairs()),
        )

    def _gone(self, answer: SignOut) -> Response:
        if answer.redirect_to is not None:
            return redirect(answer.redirect_to)
        return self.pages.page(
            "signed_out",
            form_action="none",
            client_name=answer.client.name if answer.client else None,
            offer=answer.offer,
            is_address_unknown=answer.is_address_unknown,
        )


def _path_of(parameters: Parameters) -> str:
    """The request as a path of this server.

    Raises:
        OAuthError: spelled anew, it is too large.
    """
    query = urlencode(parameters.pairs())
    if len(query) > MAX_REQUEST_SIZE:
        raise too_large("request", status=414)
    return f"/logout?{query}" if query else "/logout"
