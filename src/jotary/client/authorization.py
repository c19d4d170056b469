"""The front channel: the authorization request, and the checks on what comes back (RFC 6749 §4.1, RFC 9207)."""

import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from jotary.client.errors import ProtocolError, issuer_refusal
from jotary.jose import base64url
from jotary.oauth import pkce
from jotary.oauth.errors import OAuthError
from jotary.oauth.metadata import ServerMetadata
from jotary.oauth.parameters import Parameters
from jotary.oauth.scope import format_scope
from jotary.oauth.secret import Secret

#: Random bytes that one request takes: 32 each for `state`, `nonce` and `code_verifier`.
AUTHORIZATION_ENTROPY: Final = 96


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to sign in. All but `url` stays with the client until the answer comes back."""

    url: str
    issuer: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: Secret
    nonce: Secret
    code_verifier: Secret

    def __repr__(self) -> str:
        """The parties; `url` holds `state` and `nonce`."""
        return f"AuthorizationRequest(issuer={self.issuer!r}, redirect_uri={self.redirect_uri!r})"


def build_authorization_request(
    metadata: ServerMetadata,
    *,
    client_id: str,
    redirect_uri: str,
    scopes: Sequence[str],
    entropy: bytes,
    resources: Sequence[str] = (),
    **optional: str | None,
) -> AuthorizationRequest:
    """Make a request for a code with PKCE S256, `state` and, for `openid`, a `nonce`.

    Args:
        metadata: the issuer's, already checked to be its own.
        client_id: this client.
        redirect_uri: exactly as registered.
        scopes: values of the scope parameter.
        entropy: `AUTHORIZATION_ENTROPY` random bytes.
        resources: the APIs that the tokens are for (RFC 8707 §2).
        optional: `prompt`, `login_hint`, `max_age` and the like (OIDC Core §3.1.2.1); None is left out.

    Raises:
        ProtocolError: the issuer has no usable authorization endpoint, or says that it has no S256.
    """
    endpoint = _authorization_endpoint(metadata)
    if len(entropy) != AUTHORIZATION_ENTROPY:
        raise ValueError(f"an authorization request takes {AUTHORIZATION_ENTROPY} random bytes")
    request = AuthorizationRequest(
        url="",
        issuer=metadata.issuer,
        redirect_uri=redirect_uri,
        scopes=tuple(scopes),
        state=Secret(base64url.encode(entropy[:32])),
        nonce=Secret(base64url.encode(entropy[32:64])),
        code_verifier=Secret(pkce.new_verifier(entropy[64:])),
    )
    further = [(name, value) for name, value in optional.items() if value is not None]
    query = urlencode([*_parameters(request, client_id), *further, *(("resource", one) for one in resources)])
    return msgspec.structs.replace(request, url=f"{endpoint}{'&' if '?' in endpoint else '?'}{query}")


def _parameters(request: AuthorizationRequest, client_id: str) -> list[tuple[str, str]]:
    """RFC 6749 §4.1.1, RFC 7636 §4.3, OIDC Core §3.1.2.1."""
    nonce = [("nonce", request.nonce.reveal())] if "openid" in request.scopes else []
    return [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", request.redirect_uri),
        ("scope", format_scope(request.scopes)),
        ("state", request.state.reveal()),
        ("code_challenge", pkce.challenge(request.code_verifier.reveal())),
        ("code_challenge_method", "S256"),
        *nonce,
    ]


def _authorization_endpoint(metadata: ServerMetadata) -> str:
    endpoint = metadata.authorization_endpoint
    if endpoint is None or "#" in endpoint or not endpoint.isprintable():  # RFC 6749 §3.1; it is told to a person
        raise ProtocolError("the issuer's metadata names no usable authorization_endpoint")
    methods = metadata.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:  # RFC 9700 §2.1.1: without PKCE a stolen code is a session
        raise ProtocolError("the issuer does not support PKCE with S256")
    return endpoint


def check_callback(parameters: Parameters, *, state: Secret, issuer: str, metadata: ServerMetadata) -> Secret:
    """Return the code of an authorization response that answers this client's own request.

    The order matters: until `state` fits, the parameters are a stranger's, and until `iss` fits, they may be another
    issuer's (mix-up, RFC 9700 §4.4); so neither the code nor the error is looked at before.

    Args:
        parameters: the query of the redirect URI.
        state: what this attempt sent.
        issuer: whom this attempt was sent to.
        metadata: of the issuer at which the code would be redeemed.

    Raises:
        ProtocolError: it answers something else, or is malformed.
        IssuerError: the issuer answered this attempt with an error.
    """
    try:
        parameters.refuse_repeated()  # RFC 6749 §3.1
    except OAuthError as error:
        raise ProtocolError("a parameter of the authorization response is repeated") from error
    found = parameters.get("state") or ""
    if not hmac.compare_digest(found.encode(), state.reveal().encode()):  # RFC 6749 §10.12
        raise ProtocolError("the authorization response does not answer this browser's request (state)")
    if issuer != metadata.issuer:
        raise ProtocolError("the sign-in was started with another issuer")
    _check_issuer(parameters.get("iss"), issuer, is_sent=metadata.authorization_response_iss_parameter_supported)
    return _code_or_error(parameters)


def _check_issuer(found: str | None, issuer: str, *, is_sent: bool) -> None:
    """RFC 9207 §2.4: compared whenever it is there, and required where the issuer says that it sends it."""
    if found is None and is_sent:
        raise ProtocolError("the authorization response lacks iss, which the issuer says it sends")
    if found is not None and found != issuer:
        raise ProtocolError("the authorization response is another issuer's (iss)")


def _code_or_error(parameters: Parameters) -> Secret:
    code, error = parameters.get("code"), parameters.get("error")
    if (code is None) == (error is None):
        raise ProtocolError("the authorization response must have either a code or an error")
    if code is not None:
        return Secret(code)
    raise issuer_refusal(error, parameters.get("error_description"), status=None)
