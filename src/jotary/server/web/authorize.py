"""`/authorize` and `/consent`: the flow's answer as a page or a redirect."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from jotary.oauth.errors import OAuthError, invalid_request
from jotary.oauth.loopback import is_loopback
from jotary.oauth.parameters import Parameters, parse_form
from jotary.oauth.redirect_uri import with_parameters
from jotary.server.flows.authorization_request import MAX_REQUEST_SIZE, ErrorPage, RedirectError
from jotary.server.flows.authorize import Answer, CodeIssued, NeedConsent, NeedSignIn
from jotary.server.flows.grants.authorization_code import may_refresh
from jotary.server.flows.return_to import requested, to_authorize
from jotary.server.model.client import Client
from jotary.server.web.body import read_form, too_large
from jotary.server.web.cookies import SIGN_IN, read_cookie
from jotary.server.web.duration_words import in_words
from jotary.server.web.form_post import form_post
from jotary.server.web.forms import Forms
from jotary.server.web.pages import Pages, redirect
from jotary.server.web.parts import Parts
from jotary.server.web.refusals import note_refusal
from jotary.server.web.scope_words import describe


@dataclass(frozen=True, slots=True)
class AuthorizePages:
    """The endpoint where a client sends people (RFC 6749 §3.1)."""

    parts: Parts
    pages: Pages
    forms: Forms

    async def get(self, request: Request) -> Response:
        """Answer an authorization request."""
        parameters = parse_form(request.scope["query_string"], limit=MAX_REQUEST_SIZE)
        cookie = read_cookie(request, SIGN_IN)
        answer = await self.parts.authorize(parameters, cookie, now=self.parts.clock())
        return self._respond(request, parameters, answer)

    async def post(self, request: Request) -> Response:
        """Turn a POST (OIDC Core §3.1.2.1) into a GET: a browser sends SameSite=Lax cookies only with that."""
        return self.pages.go(_path_of(await read_form(request)))

    async def consent(self, request: Request) -> Response:
        """The person has pressed a button on the consent page; the request is checked again from the start."""
        form = await read_form(request)
        path = to_authorize(form.get("request") or "")
        self.forms.check(request, form, again=path)
        parameters = requested(path)
        if parameters is None:
            raise invalid_request("The form holds no authorization request.")
        if form.get("answer") != "allow":
            return self._respond(request, parameters, await self.parts.authorize.deny(parameters))
        cookie = read_cookie(request, SIGN_IN)
        answer = await self.parts.authorize(parameters, cookie, now=self.parts.clock(), allows=True)
        return self._respond(request, parameters, answer)

    def _respond(self, request: Request, parameters: Parameters, answer: Answer) -> Response:
        match answer:
            case ErrorPage(error):
                note_refusal(request.scope, error)
                return self.pages.error(error)
            case RedirectError(error=error):
                note_refusal(request.scope, error)
                return self._to_client(answer, _error_parameters(error))
            case CodeIssued(code=code):
                return self._to_client(answer, {"code": code.reveal()})
            case NeedSignIn():
                return self.pages.go(f"/sign-in?return_to={quote(_path_of(parameters), safe='/')}")
            case NeedConsent():
                return self._ask(request, parameters, answer)

    def _to_client(self, answer: CodeIssued | RedirectError, parameters: dict[str, str]) -> Response:
        """Every answer says whose it is, so that a client of several servers cannot mix them up (RFC 9207 §2)."""
        if answer.state is not None:
            parameters["state"] = answer.state
        parameters["iss"] = self.parts.settings.issuer
        if answer.response_mode == "form_post":
            destination = _destination(answer.redirect_uri)
            return form_post(self.pages, answer.redirect_uri, parameters, destination=destination)
        return redirect(with_parameters(answer.redirect_uri, parameters))

    def _ask(self, request: Request, parameters: Parameters, question: NeedConsent) -> Response:
        asked = question.request
        return self.forms.page(
            request,
            "consent",
            form_action="anywhere",
            client_name=asked.client.name,
            destination=_destination(asked.redirect_uri),
            scopes=describe(asked.scopes, self.parts.scope_descriptions),
            resources=asked.resources,
            lifetime=in_words(self._lifetime_for(asked.client)),
            email=question.signed_in.user.email,
            authorization_request=urlencode(parameters.pairs()),
        )

    def _lifetime_for(self, client: Client) -> int:
        """How many seconds what is allowed now can be used for, without asking the person again."""
        settings = self.parts.settings
        return settings.session_lifetime if may_refresh(client) else settings.access_token_lifetime


def _error_parameters(error: OAuthError) -> dict[str, str]:
    return {"error": error.error, "error_description": error.error_description}


def _path_of(parameters: Parameters) -> str:
    """The request as a path of this server, spelled anew from what was understood of it.

    Raises:
        OAuthError: spelled so, it is too large.
    """
    query = urlencode(parameters.pairs())
    if len(query) > MAX_REQUEST_SIZE:
        raise too_large("request", status=414)
    return f"/authorize?{query}"


def _destination(redirect_uri: str) -> str:
    """Where the person will be sent, as far as they can know it."""
    parts = urlsplit(redirect_uri)
    if parts.hostname is None:
        return f"the app {parts.scheme}"
    return "this device" if is_loopback(parts.hostname) else parts.netloc
