"""Is this an access token for us? Pure: text, keys, expectations and a time in; a verdict out (RFC 9068 §4)."""

from collections.abc import Collection, Mapping
from typing import Any, final

import msgspec
from cryptography.exceptions import InvalidSignature

from jotary.jose import JOSEError, KeySet, base64url, compact, jws, jwt, strict_json
from jotary.jose.algorithms import ASYMMETRIC_ALGORITHMS
from jotary.jose.header import Header, media_type
from jotary.tokens.access_token import TYP, Usual, check_one_by_one, passes, scope_set, single, usual, usual_text
from jotary.tokens.errors import TokenError
from jotary.tokens.profiled_token import check_key_issuer, check_profiled_token, tenant_of
from jotary.tokens.token_profile import ID_TOKEN_CLAIMS, WRONG_KIND, TokenProfile
from jotary.verifier.errors import InvalidToken
from jotary.verifier.key_documents import key_issuer
from jotary.verifier.principal import Principal

#: Characters: what a web server takes as a header, at most.
MAX_TOKEN_SIZE = 8192


#: What the integrator is told whose verifier expects an emulator's tokens, and gets one that somebody signed.
SIGNED = "the emulator is expected, whose tokens are not signed; this one is"


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """What a token must meet.

    Attributes:
        issuer: the only one that is trusted, byte for byte.
        audiences: the names of this API; `aud` must hold one of them.
        algorithms: the signature algorithms that are taken.
        leeway: seconds that clocks may differ.
        max_size: characters; a longer token is refused before it is decoded.
        profile: what the tokens look like; None for access tokens of RFC 9068.
    """

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    leeway: int
    max_size: int
    profile: TokenProfile | None = None


def expect(
    issuer: str,
    audience: str | Collection[str],
    algorithms: Collection[str],
    leeway: int,
    max_size: int,
    *,
    profile: TokenProfile | None = None,
) -> Expectations:
    """Check what an integrator expects, since a wrong expectation is a hole.

    Raises:
        ValueError: with what to change.
    """
    audiences = frozenset((audience,) if isinstance(audience, str) else audience)
    if not issuer or not audiences or not all(audiences):
        raise ValueError("issuer and audience must be non-empty strings: a token is checked against both")
    # RFC 9068 §4: whoever verifies must not be able to sign
    if not algorithms or not set(algorithms) <= set(ASYMMETRIC_ALGORITHMS):
        raise ValueError(f"algorithms must be some of {', '.join(ASYMMETRIC_ALGORITHMS)}")
    if leeway < 0:
        raise ValueError("leeway must not be negative: seconds that clocks may differ")
    return Expectations(
        issuer=issuer,
        audiences=audiences,
        algorithms=frozenset(algorithms),
        leeway=leeway,
        max_size=max_size,
        profile=profile,
    )


def takes_issuer(expected: Expectations, issuer: str) -> bool:
    """Whether a token that says it is from this issuer could be one of ours. Nothing is verified by that."""
    profile = expected.profile
    if profile is None:
        return issuer == expected.issuer
    if profile.tenant_claim is not None:
        return tenant_of(issuer, expected.issuer) is not None
    return issuer == expected.issuer or issuer in profile.issuer_aliases


class Verified(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A token that met all of it. Thousands are kept, and none can be part of a cycle: the collector may pass it over.

    Attributes:
        principal: who it speaks for.
        valid_from: from this time and
        valid_until: until before this time, a verdict on the same text with the same keys would be the same.
    """

    principal: Principal
    valid_from: float
    valid_until: float


@final
class NeedKeys(msgspec.Struct, frozen=True):
    """The set has no key for this token: perhaps it is a new one. `hint` says what is missing."""

    hint: str


# Which check a refusal of the JOSE layer stands for; everything else means that it is not a signed JWT at all.
_CLAIMS = {
    "unsupported_algorithm": "alg",
    "algorithm_not_allowed": "alg",
    "key_not_usable": "alg",
    "unsupported_critical_header": "crit",
    "bad_signature": "signature",
}


def check(token: str, keys: KeySet, expected: Expectations, now: int) -> Verified | NeedKeys:
    """Verify a token: size, form, algorithm, key, signature, type, claims, in this order.

    Nothing in the token is believed before its signature holds, so that a hint never speaks about forged claims.

    Args:
        token: compact JWS.
        keys: the issuer's.
        expected: what it must meet.
        now: Unix seconds.

    Raises:
        InvalidToken: naming the check that failed.
    """
    if expected.profile is not None:
        return _check_by_profile(token, keys, expected, expected.profile, now)
    issuer, leeway = expected.issuer, expected.leeway
    try:
        typ, payload, said = _opened(token, keys, expected)
        if said is None or typ != TYP or not passes(said, issuer, expected.audiences, now, leeway):
            claims = strict_json.loads_object(payload)
            if typ != TYP:
                check_type(typ, claims)
            if (said := usual(claims, issuer, expected.audiences, now, leeway)) is None:
                return _checked_one_by_one(claims, payload, expected, now)
        scopes = scope_set(said.scope)
    except JOSEError as error:
        if error.code == "unknown_key":
            return NeedKeys(error.hint)
        raise InvalidToken("invalid_token", _CLAIMS.get(error.code, "token"), error.hint) from None
    except TokenError as error:
        raise InvalidToken("invalid_token", error.claim, error.hint) from None
    principal = Principal(
        subject=said.sub,
        client_id=said.client_id,
        scopes=scopes,
        session_id=said.sid or None,
        issuer=issuer,  # the same text, and one that is there already
        audience=single(said.aud),
        issued_at=said.iat,
        expires_at=said.exp,
        jti=said.jti,
        _payload=payload,
    )
    return Verified(principal, max(said.iat, said.nbf) - leeway, said.exp + leeway)


def _checked_one_by_one(claims: dict[str, Any], payload: bytes, expected: Expectations, now: int) -> Verified:
    """Do the same for claims that are not as most are, or not good.

    Raises:
        TokenError: with the claim that failed.
    """
    checked = check_one_by_one(
        claims, issuer=expected.issuer, audience=expected.audiences, now=now, leeway=expected.leeway
    )
    principal = Principal(
        subject=checked.subject,
        client_id=checked.client_id,
        scopes=checked.scopes,
        session_id=checked.session_id,
        issuer=checked.issuer,
        audience=checked.audience,
        issued_at=checked.issued_at,
        expires_at=checked.expires_at,
        jti=checked.jti,
        _payload=payload,
    )
    valid_from = max(checked.issued_at, claims.get("nbf", 0))
    return Verified(principal, valid_from - expected.leeway, checked.expires_at + expected.leeway)


def _check_by_profile(
    token: str, keys: KeySet, expected: Expectations, profile: TokenProfile, now: int
) -> Verified | NeedKeys:
    """Do the same for an issuer whose tokens are not those of RFC 9068; the order is the same."""
    try:
        header, payload = _opened_by_profile(token, keys, expected, profile)
        claims = strict_json.loads_object(payload)
    except JOSEError as error:
        if error.code == "unknown_key":
            return NeedKeys(_joined(error.hint, profile.unknown_key_hint))
        claim = _CLAIMS.get(error.code, "token")
        hint = _joined(error.hint, profile.opaque_hint if claim == "token" else "")
        raise InvalidToken("invalid_token", claim, hint) from None
    try:
        checked = check_profiled_token(
            header,
            claims,
            profile,
            issuer=expected.issuer,
            audiences=expected.audiences,
            now=now,
            leeway=expected.leeway,
        )
        kid = header.get("kid")
        check_key_issuer(kid, key_issuer(keys, kid), profile, claims["iss"])
    except TokenError as error:
        raise InvalidToken("invalid_token", error.claim, error.hint) from None
    principal = Principal(**msgspec.structs.asdict(checked), _payload=payload)
    not_before = max(claims.get(name, checked.issued_at) for name in ("iat", "nbf", *profile.past_claims))
    return Verified(principal, not_before - expected.leeway, checked.expires_at + expected.leeway)


def _opened(token: str, keys: KeySet, expected: Expectations) -> tuple[str | None, bytes, Usual | None]:
    """Return the type and the payload, verified, and what it says if that is cheap to read.

    As `_verified` does, or in fewer steps where the header is known.
    """
    header, encoded, message, signature = compact.split(token, expected.max_size)
    known = keys.known.get(header)
    if known is None or known[0] not in expected.algorithms:
        read, payload = _verified(token, keys, expected)
        keys.remember(read)
        return read.typ, payload, None
    payload = base64url.decode(encoded)
    try:
        known[2](base64url.decode(signature), message)
    except InvalidSignature:
        pass  # raised below, so that the refusal carries no context
    else:
        said = usual_text(payload) if known[3] else None
        if said is None and known[3]:
            keys.expect_any(header)  # or each of an issuer with claims of its own would be read in vain first
        return known[1], payload, said
    raise jws.bad_signature()


def _verified(token: str, keys: KeySet, expected: Expectations) -> tuple[Header, bytes]:
    """Return the header, which all tokens with the same one share, and the payload.

    `jws.verify` would copy the header for each token.
    """
    header, payload, message, signature = compact.take_apart(token, expected.max_size)
    if header.unencoded:
        raise JOSEError("malformed", jwt.UNENCODED)
    jws.check_signature(header, signature, message, keys, expected.algorithms)
    return header, payload


def _opened_by_profile(
    token: str, keys: KeySet, expected: Expectations, profile: TokenProfile
) -> tuple[Mapping[str, Any], bytes]:
    """Return the header and the payload, verified; for an emulator's profile, of a token that nobody signed."""
    if not profile.is_unsigned:
        header, payload = _verified(token, keys, expected)
        return header.members, payload
    unsigned = jws.parse(token, max_size=expected.max_size)
    if unsigned.algorithm != "none" or unsigned.signature:
        raise JOSEError("algorithm_not_allowed", SIGNED)
    return unsigned.header, unsigned.payload


def _joined(hint: str, more: str) -> str:
    return f"{hint}; {more}" if more else hint


def check_type(typ: str | None, claims: dict[str, Any]) -> None:
    """Compare media types (RFC 9068 §4).

    Raises:
        InvalidToken: it is of another type; the claims tell the hint whether it is an ID token.
    """
    if typ is not None and media_type(typ) == TYP:
        return
    if looks_like_an_id_token(claims):
        hint = WRONG_KIND
    else:
        hint = f"the header's 'typ' must be '{TYP}' (RFC 9068); is this an access token?"
    raise InvalidToken("invalid_token", "typ", hint)


def looks_like_an_id_token(claims: dict[str, Any]) -> bool:
    """By what only the one or only the other says (OIDC Core §2 and §3.1.3.6, RFC 9068 §2.2)."""
    return not ID_TOKEN_CLAIMS.isdisjoint(claims) or {"client_id", "scope"}.isdisjoint(claims)
