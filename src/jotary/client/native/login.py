"""Signing in through the system's browser: authorization code with PKCE, back to loopback (RFC 8252 §4, §7.3)."""

import asyncio
import hmac
from collections.abc import Callable, Sequence

from jotary.client.authorization import AuthorizationRequest, check_callback
from jotary.client.native.aside import aside
from jotary.client.native.errors import LoginError
from jotary.client.native.loopback import Check, LoopbackListener, StrangerError
from jotary.client.native.signed_in import SignedIn
from jotary.client.provider import Provider
from jotary.oauth.metadata import ServerMetadata
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret


async def log_in(
    provider: Provider,
    *,
    client_id: str,
    scopes: Sequence[str],
    resources: Sequence[str],
    show: Callable[[str], object],
    timeout: float,  # noqa: ASYNC109 -- how long a person may take, not how long a call may
    prompt: str | None,
) -> SignedIn:
    """Send a person to the issuer and wait until they are back.

    Args:
        provider: the issuer.
        client_id: this application.
        scopes: values of the scope parameter, `openid` among them.
        resources: the APIs that the tokens are for (RFC 8707).
        show: opens a URL in the browser of the person, or tells it to them.
        timeout: seconds that the person may take.
        prompt: as in OIDC Core §3.1.2.1, or None.

    Raises:
        LoginError: nobody came back in time.
        IssuerError: the issuer refused.
        ProtocolError: its answer is not acceptable.
        UnavailableError: it cannot be reached.
    """
    async with LoopbackListener() as listener:
        request = await provider.authorization_request(
            redirect_uri=listener.redirect_uri, scopes=scopes, resources=resources, prompt=prompt
        )
        check = _answers(request, await provider.metadata())
        try:
            async with asyncio.timeout(timeout):
                code = await _answer(listener, check, lambda: show(request.url))
        except TimeoutError:
            raise LoginError(
                f"nobody signed in within {timeout:.0f} seconds", hint="Start again, and finish in the browser."
            ) from None
    tokens, id_token = await provider.redeem(
        code, redirect_uri=request.redirect_uri, code_verifier=request.code_verifier, nonce=request.nonce
    )
    return SignedIn(issuer=provider.issuer, client_id=client_id, subject=id_token.subject, tokens=tokens)


async def _answer(listener: LoopbackListener, check: Check, show: Callable[[], object]) -> Secret:
    """The code with which the person comes back, which they may do before `show` has ended.

    A browser that starts is waited for by Python for up to five seconds, and one in the foreground until it is closed;
    a person who is signed in at the issuer is back at once.
    """
    answering = asyncio.ensure_future(listener.answer(check))
    showing = asyncio.ensure_future(aside(show))
    try:
        await asyncio.wait([answering, showing], return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            await showing  # raises what kept it from being shown
        return await answering
    finally:
        answering.cancel()
        showing.cancel()


def _answers(request: AuthorizationRequest, metadata: ServerMetadata) -> Check:
    """The check of an answer to this request. What does not even carry its `state` is a stranger's."""

    def check(parameters: Parameters) -> Secret:
        state = (parameters.get("state") or "").encode()
        if not hmac.compare_digest(state, request.state.reveal().encode()):  # RFC 6749 §10.12
            raise StrangerError("a request with another state")
        return check_callback(parameters, state=request.state, issuer=request.issuer, metadata=metadata)

    return check
