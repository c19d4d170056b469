"""JWTs by which a client authenticates with its private key (RFC 7523 §3, OIDC Core §9)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from jotary.tokens import claims as checks
from jotary.tokens.errors import TokenError

#: Seconds that an assertion may live: it is made for one request, and each `jti` is remembered that long.
MAX_LIFETIME = 600
#: Seconds that ours live.
_LIFETIME = 60


class ClientAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """A checked assertion. Its `jti` must be remembered until `expires_at`, leeway included."""

    client_id: str
    jti: str
    expires_at: int


def client_assertion_claims(*, client_id: str, audience: str, jti: str, now: int) -> dict[str, Any]:
    """The claims of a new assertion; `audience` is the authorization server's issuer, `now` in Unix seconds."""
    return {"iss": client_id, "sub": client_id, "aud": audience, "jti": jti, "iat": now, "exp": now + _LIFETIME}


def check_client_assertion(
    claims: Mapping[str, Any], *, client_id: str, audiences: Collection[str], now: int, leeway: int
) -> ClientAssertion:
    """Check the claims of an assertion whose signature already held.

    Args:
        claims: the verified payload.
        client_id: the client whose key signed it: both `iss` and `sub`.
        audiences: the names by which this server may be addressed.
        now: Unix seconds.
        leeway: seconds that clocks may differ.

    Raises:
        TokenError: with the claim that failed.
    """
    checks.check_issuer(claims, client_id)
    if checks.require_text(claims, "sub") != client_id:
        raise TokenError("sub", "the assertion's subject is not the client")
    _check_only_audience(checks.check_audience(claims, audiences))
    expires_at = checks.check_expiry(claims, now=now, leeway=leeway)
    if expires_at > now + MAX_LIFETIME + leeway:
        raise TokenError("exp", f"the assertion lives longer than {MAX_LIFETIME} seconds")
    checks.check_not_before(claims, now=now, leeway=leeway)
    if "iat" in claims:
        checks.check_issued_at(claims, now=now, leeway=leeway)
    # Remembered as long as it could be accepted: acceptance and memory share the leeway.
    return ClientAssertion(client_id=client_id, jti=checks.require_text(claims, "jti"), expires_at=expires_at + leeway)


def _check_only_audience(found: Sequence[str]) -> None:
    """An assertion that names several servers could be replayed from one to the other."""
    if len(found) != 1:
        raise TokenError("aud", "the assertion names more than one audience")
