"""`GET /auth/login` and `GET /auth/callback`: the authorization code flow (RFC 6749 §4.1, RFC 10017 §6.1)."""

import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from jotary.client.authorization import check_callback
from jotary.client.bff.answers import page, redirect, with_cookies
from jotary.client.bff.keeper import SessionKeeper
from jotary.client.bff.return_to import is_local_path
from jotary.client.bff.session import Session, SessionTooLargeError, profile_text
from jotary.client.bff.settings import AUTH_PREFIX, Settings
from jotary.client.bff.transaction import Transaction, TransactionCookies
from jotary.client.errors import ClientError, IssuerError, UnavailableError
from jotary.client.provider import Provider
from jotary.client.refresh import SingleFlight
from jotary.jose import base64url
from jotary.oauth.errors import OAuthError
from jotary.oauth.loopback import is_loopback
from jotary.oauth.parameters import Parameters, parse_form

#: Random bytes of a session's id.
SESSION_ID_ENTROPY: Final = 16
#: Bytes of a query that are read.
MAX_QUERY_LENGTH: Final = 8_192

_PROMPTS = frozenset({"login", "select_account"})
_log = logging.getLogger("jotary.client.bff")


class SignIn:
    """The two ends of the redirect to the issuer.

    Args:
        settings: of the application.
        provider: the issuer.
        transactions: keeps attempts in the browser.
        keeper: keeps sessions.
        clock: Unix seconds.
        entropy: so many bytes that nobody can guess.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        provider: Provider,
        transactions: TransactionCookies,
        keeper: SessionKeeper,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._transactions = transactions
        self._keeper = keeper
        self._clock = clock
        self._entropy = entropy
        self._flights: SingleFlight[bytes, Session] = SingleFlight()

    async def login(self, request: Request, present: dict[str, str]) -> Response:
        """Send the browser to the issuer.

        Query: `return_to`, a path of this application; `prompt`, either login or select_account.
        """
        if request.headers.get("sec-fetch-mode", "navigate") != "navigate":
            return self._refuse(400, "Open this address, do not fetch it", "A script cannot sign anybody in.")
        if elsewhere := self._canonical(request):
            return redirect(elsewhere)
        try:
            parameters = parse_form(request.scope["query_string"], limit=MAX_QUERY_LENGTH)
            return_to, prompt = parameters.get("return_to") or "/", parameters.get("prompt")
        except OAuthError:
            return self._refuse(400, "This link is not valid", "It is malformed.")
        if not is_local_path(return_to, reserved=AUTH_PREFIX):
            return self._refuse(400, "This link is not valid", "It leads away from this application.")
        if prompt is not None and prompt not in _PROMPTS:
            return self._refuse(400, "This link is not valid", "It asks for an unknown way to sign in.")
        return await self._start(return_to, prompt, present)

    def _canonical(self, request: Request) -> str | None:
        """The address to start at, if somebody opened 127.0.0.1 in development and the application says localhost.

        The cookies must be set where the callback will look for them; they know no ports. In production the web server
        in front decides which names lead here, and may well hide them.
        """
        expected, opened = urlsplit(self._settings.origin).hostname, _hostname(request.headers.get("host", ""))
        if opened == expected or not (is_loopback(expected) and is_loopback(opened)):
            return None
        return f"{self._settings.origin}{AUTH_PREFIX}/login?{request.scope['query_string'].decode('latin-1')}"

    async def _start(self, return_to: str, prompt: str | None, present: dict[str, str]) -> Response:
        try:
            attempt = await self._provider.authorization_request(
                redirect_uri=self._settings.redirect_uri,
                scopes=self._settings.scopes,
                resources=self._settings.resources,
                prompt=prompt,
            )
        except ClientError as error:
            return self._failed(error, return_to)
        cookies = self._transactions.write(attempt, return_to=return_to, now=self._clock(), present=present)
        return with_cookies(redirect(attempt.url), cookies)

    async def callback(self, request: Request, present: dict[str, str]) -> Response:
        """Take what the issuer sent back, and open the session."""
        try:
            parameters = parse_form(request.scope["query_string"], limit=MAX_QUERY_LENGTH)
            state = parameters.get("state") or ""
        except OAuthError:
            return self._refuse(400, "This link is not valid", "It is not an answer of the sign-in service.")
        transaction = self._transactions.read(state, present, now=self._clock())
        if transaction is None:
            return self._unexpected(present)
        try:
            # Reloaded while it is under way: a code that is sent twice ends the session (RFC 6749 §4.1.2).
            session = await self._flights.run(
                transaction.state.sha256(), lambda: self._open_session(parameters, transaction)
            )
            cookies = await self._keeper.begin(session, present)
        except (ClientError, SessionTooLargeError) as error:
            response = self._failed(error, transaction.return_to)
        else:
            response = with_cookies(redirect(f"{self._settings.origin}{transaction.return_to}"), cookies)
            response.background = self._end_previous(present)
        return with_cookies(response, [self._transactions.clear(state)])

    async def _open_session(self, parameters: Parameters, transaction: Transaction) -> Session:
        metadata = await self._provider.metadata()
        code = check_callback(parameters, state=transaction.state, issuer=transaction.issuer, metadata=metadata)
        tokens, id_token = await self._provider.redeem(
            code,
            redirect_uri=self._settings.redirect_uri,
            code_verifier=transaction.code_verifier,
            nonce=transaction.nonce,
        )
        return Session(
            id=base64url.encode(self._entropy(SESSION_ID_ENTROPY)),
            generation=0,
            subject=id_token.subject,
            name=profile_text(id_token.claims, "name"),
            email=profile_text(id_token.claims, "email"),
            expires_at=self._clock() + self._settings.session_lifetime,
            tokens=tokens,
        )

    def _end_previous(self, present: dict[str, str]) -> BackgroundTask | None:
        """A session that this one replaces would otherwise live on at the issuer, with nobody to end it."""
        previous = self._keeper.presented(present)
        return None if previous is None else BackgroundTask(self._keeper.end_superseded, previous)

    def _unexpected(self, present: dict[str, str]) -> Response:
        """No such attempt in this browser: reloaded, gone back to, too late, or planted by somebody else."""
        if self._keeper.presented(present) is not None:
            return redirect(f"{self._settings.origin}/")
        return self._refuse(
            400, "Please sign in again", "This sign-in took too long, or was started in another browser."
        )

    def _failed(self, error: Exception, return_to: str) -> Response:
        """The cause is for the log: on the front channel anybody may have written it."""
        _log.warning("a sign-in failed: %s", error)
        if isinstance(error, UnavailableError):
            title, text, status = "Signing in is not possible now", "Please try again in a moment.", 503
        elif isinstance(error, IssuerError) and error.error == "access_denied":
            title, text, status = "You are not signed in", "The sign-in was cancelled or not allowed.", 403
        else:
            title, text, status = "Signing in did not work", "Please try again.", 400
        return self._refuse(status, title, text, return_to=return_to)

    def _refuse(self, status: int, title: str, text: str, *, return_to: str = "/") -> Response:
        link = f"{AUTH_PREFIX}/login?return_to={quote(return_to, safe='/')}"
        return page(status, title, text, link=link, link_text="Sign in")


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # a Host header can hold anything
        return None
