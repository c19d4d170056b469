"""The token endpoint as the client sees it: requests, and a strict reading of the answers (RFC 6749 §4.1.3, §5, §6)."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from jotary.client.errors import IssuerError, ProtocolError, issuer_refusal
from jotary.jose import JOSEError, strict_json
from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters
from jotary.oauth.scope import format_scope, parse_scope
from jotary.oauth.secret import Secret

#: Characters of one token; what is longer fits neither a header nor a cookie.
MAX_TOKEN_LENGTH: Final = 16_384
#: Seconds that an access token is taken to live when the issuer does not say (RFC 6749 §5.1 only recommends it).
ASSUMED_LIFETIME: Final = 300
#: Seconds; no honest access token outlives it, and sums of times stay far from any overflow.
MAX_LIFETIME: Final = 366 * 86_400

# An access token goes into an Authorization header, so it must be what RFC 6750 §2.1 allows there.
_ACCESS_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_REFRESH_TOKEN = re.compile(r"[ -~]+")  # RFC 6749 appendix A.17
_ID_TOKEN = re.compile(r"[A-Za-z0-9\-_]+\.[A-Za-z0-9\-_]+\.[A-Za-z0-9\-_]*")


class TokenSet(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the issuer gave. Times in Unix seconds by this client's clock."""

    access_token: Secret
    refresh_token: Secret | None
    id_token: Secret | None
    scopes: tuple[str, ...]
    obtained_at: int
    expires_at: int  # of the access token

    def is_alive(self, now: int) -> bool:
        """Whether the access token is still worth sending."""
        return now < self.expires_at


def code_request(code: Secret, *, redirect_uri: str, code_verifier: Secret) -> Parameters:
    """Redeem an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
    return Parameters(
        [
            ("grant_type", "authorization_code"),
            ("code", code.reveal()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", code_verifier.reveal()),
        ]
    )


def refresh_request(refresh_token: Secret) -> Parameters:
    """Trade a refresh token, for the scope that it has (RFC 6749 §6)."""
    return Parameters([("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())])


def client_credentials_request(*, scopes: Sequence[str] = (), resources: Sequence[str] = ()) -> Parameters:
    """A token for the client itself (RFC 6749 §4.4.2, RFC 8707 §2)."""
    return Parameters(
        [
            ("grant_type", "client_credentials"),
            ("scope", format_scope(scopes)),
            *(("resource", resource) for resource in resources),
        ]
    )


def revocation_request(refresh_token: Secret) -> Parameters:
    """End the session behind a refresh token (RFC 7009 §2.1)."""
    return Parameters([("token", refresh_token.reveal()), ("token_type_hint", "refresh_token")])


def parse_token_answer(
    status: int, content_type: str | None, body: bytes, *, now: int, previous: TokenSet | None = None
) -> TokenSet:
    """Read the answer to any token request.

    Args:
        status: of the HTTP answer.
        content_type: its Content-Type.
        body: its body.
        now: Unix seconds when the request was *sent*, so that a slow answer never makes a token seem younger.
        previous: on a refresh, the tokens that were traded: what the answer leaves out stays (RFC 6749 §6).

    Raises:
        IssuerError: the issuer refused (RFC 6749 §5.2).
        ProtocolError: anything that is neither a token answer nor an error answer.
    """
    if status not in {200, 400, 401}:
        raise ProtocolError(f"the token endpoint answered with HTTP status {status}")
    members = _json_members(content_type, body)
    if status != 200:  # noqa: PLR2004 -- the one status of success, RFC 6749 §5.1
        raise issuer_refusal(members.get("error"), members.get("error_description"), status=status)
    token_type = members.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":  # RFC 6749 §7.1: must not be used otherwise
        raise ProtocolError("the token endpoint's answer has no token_type Bearer")
    access_token = _token(members, "access_token", _ACCESS_TOKEN)
    if access_token is None:
        raise ProtocolError("the token endpoint's answer has no access_token")
    refresh_token, id_token = _token(members, "refresh_token", _REFRESH_TOKEN), _token(members, "id_token", _ID_TOKEN)
    return TokenSet(
        access_token=access_token,
        refresh_token=refresh_token or (previous.refresh_token if previous else None),
        id_token=id_token or (previous.id_token if previous else None),
        scopes=_scopes(members) or (previous.scopes if previous else ()),
        obtained_at=now,
        expires_at=now + _lifetime(members),
    )


def check_revocation_answer(status: int, content_type: str | None, body: bytes) -> None:
    """Read the answer to a revocation: 200 whether or not the token was known (RFC 7009 §2.2).

    Raises:
        IssuerError: the issuer refused (RFC 7009 §2.2.1).
        ProtocolError: any other answer.
    """
    if status in {400, 401}:
        members = _json_members(content_type, body)
        raise issuer_refusal(members.get("error"), members.get("error_description"), status=status)
    if status != 200:  # noqa: PLR2004 -- the one status of success, RFC 7009 §2.2
        raise ProtocolError(f"the revocation endpoint answered with HTTP status {status}")


def ends_the_session(error: Exception) -> bool:
    """Whether a failed refresh means that the session is over, rather than that something is broken on the way.

    Only `invalid_grant` says so (RFC 6749 §5.2). A wrong client secret after a deployment must not sign people out.
    """
    return isinstance(error, IssuerError) and error.error == "invalid_grant"


def _json_members(content_type: str | None, body: bytes) -> dict[str, Any]:
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise ProtocolError("the issuer's answer is not application/json; is this URL the issuer's?")
    try:
        return strict_json.loads_object(body, max_size=1 << 18)
    except JOSEError as error:
        raise ProtocolError(f"the issuer's answer is not a JSON object ({error.code})") from None


def _token(members: dict[str, Any], name: str, syntax: re.Pattern[str]) -> Secret | None:
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TOKEN_LENGTH or not syntax.fullmatch(value):
        raise ProtocolError(f"the token endpoint's {name} is malformed or too long")
    return Secret(value)


def _scopes(members: dict[str, Any]) -> tuple[str, ...]:
    value = members.get("scope")
    try:
        if value is None or isinstance(value, str):
            return parse_scope(value)
    except OAuthError:
        pass  # raised below, so that the refusal carries no context
    raise ProtocolError("the token endpoint's scope is malformed")


def _lifetime(members: dict[str, Any]) -> int:
    value = members.get("expires_in", ASSUMED_LIFETIME)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ProtocolError("the token endpoint's expires_in is not a positive number of seconds")
    return min(value, MAX_LIFETIME)
