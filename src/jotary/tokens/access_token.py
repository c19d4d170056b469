"""Access tokens in the JWT profile of RFC 9068: what the server writes and what every API checks."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from jotary.jose import strict_json
from jotary.oauth.errors import OAuthError
from jotary.oauth.scope import format_scope, parse_scope
from jotary.tokens import claims as checks
from jotary.tokens.errors import TokenError

#: The `typ` header of RFC 9068 §2.1: what keeps an ID token from passing as an access token.
TYP = "at+jwt"


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of an access token that passed every check."""

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str]
    audience: tuple[str, ...]
    session_id: str | None
    jti: str
    issued_at: int
    expires_at: int
    claims: Mapping[str, Any]


def access_token_claims(
    *,
    issuer: str,
    subject: str,
    audience: Sequence[str],
    client_id: str,
    scopes: Sequence[str],
    session_id: str | None,
    jti: str,
    now: int,
    lifetime: int,
    authenticated_at: int | None = None,
    methods: Sequence[str] = (),
) -> dict[str, Any]:
    """The claims of a new access token (RFC 9068 §2.2); `now` and `lifetime` in seconds.

    For client credentials `subject` is the client itself and there is no session.
    """
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": audience[0] if len(audience) == 1 else list(audience),
        "client_id": client_id,
        "scope": format_scope(scopes),
        "jti": jti,
        "iat": now,
        "exp": now + lifetime,
    }
    if session_id is not None:
        claims["sid"] = session_id
    if authenticated_at is not None:
        claims["auth_time"] = authenticated_at
    if methods:
        claims["amr"] = list(methods)
    return claims


def check_access_token(
    claims: Mapping[str, Any], *, issuer: str, audience: str | Collection[str], now: int, leeway: int
) -> AccessToken:
    """Check the claims of a token whose signature and `typ` already held (RFC 9068 §4).

    Args:
        claims: the verified payload.
        issuer: the one issuer that is trusted, byte for byte.
        audience: this API's identifier, or several of which one must be in `aud`.
        now: Unix seconds.
        leeway: seconds that clocks may differ.

    Raises:
        TokenError: with the claim that failed.
    """
    said = usual(claims, issuer, audience, now, leeway)
    if said is None:
        return check_one_by_one(claims, issuer=issuer, audience=audience, now=now, leeway=leeway)
    return AccessToken(
        issuer=issuer,  # the same text, and one that is there already
        audience=single(said.aud),
        expires_at=said.exp,
        issued_at=said.iat,
        subject=said.sub,
        client_id=said.client_id,
        jti=said.jti,
        scopes=scope_set(said.scope),
        session_id=said.sid or None,
        claims=claims,
    )


_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=checks.LATEST)]


class Usual(msgspec.Struct, frozen=True, gc=False):
    """The claims of a token as most are, whose types one step checks. `sid` is empty where there is none."""

    iss: _Text
    sub: _Text
    aud: _Text
    client_id: _Text
    jti: _Text
    iat: _Time
    exp: _Time
    nbf: _Time = 0
    scope: str = ""
    sid: _Text = ""  # a default is not checked: only one that is not there is empty


class _Closed(Usual, frozen=True, gc=False, forbid_unknown_fields=True):
    """The same with what else `access_token_claims` may say, and nothing beyond."""

    auth_time: _Time = 0
    amr: tuple[str, ...] = ()


_read_closed = msgspec.json.Decoder(_Closed).decode
_QUOTES = 24  # around the names of the seven members that must be there, and the values of five of them


def usual_text(text: bytes) -> Usual | None:
    """Return the claims in this text without making objects of all JSON, if they are as in most tokens and no others.

    What is returned is what `usual` makes of what `strict_json` reads. None: they have the verdict, and it may be good.
    """
    try:
        said = _read_closed(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    # Each member that stands in the text brings the quotes of its name, and of its strings; escaped quotes come on top.
    # `said` cannot account for more than there are, and a member that it lost to a namesake (RFC 7515 §4) leaves at
    # least two over: where the numbers are equal, every name stands there once.
    quotes = _QUOTES + (4 if said.scope else 0) + (4 if said.sid else 0) + (2 if said.nbf else 0)
    if said.auth_time:
        quotes += 2
    if said.amr:
        quotes += 2 + 2 * len(said.amr)
    return said if text.count(b'"') == quotes and len(text) <= strict_json.MAX_SIZE else None


def usual(
    claims: Mapping[str, Any], issuer: str, audience: str | Collection[str], now: int, leeway: int
) -> Usual | None:
    """Return the claims of a token that passes every check but that of its scope; the arguments are the same.

    None: `check_one_by_one` has the verdict, and the words for it. It may be a good one: of several audiences, say, or
    with a fraction of a second.
    """
    try:
        said = msgspec.convert(claims, Usual)
    except msgspec.ValidationError:
        return None
    return said if passes(said, issuer, audience, now, leeway) else None


def passes(said: Usual, issuer: str, audience: str | Collection[str], now: int, leeway: int) -> bool:
    """Whether these claims pass every check but that of their scope; the arguments are the same."""
    latest = now + leeway
    return (
        said.iss == issuer
        and (said.aud == audience if type(audience) is str else said.aud in audience)
        and now < said.exp + leeway
        and said.nbf <= latest
        and said.iat <= latest
    )


def check_one_by_one(
    claims: Mapping[str, Any], *, issuer: str, audience: str | Collection[str], now: int, leeway: int
) -> AccessToken:
    """Do what `check_access_token` does, slower: each check in its order, with words for its failure.

    Raises:
        TokenError: with the claim that failed.
    """
    checks.check_issuer(claims, issuer)
    return AccessToken(
        issuer=issuer,
        audience=checks.check_audience(claims, audience),
        expires_at=checks.check_expiry(claims, now=now, leeway=leeway),
        issued_at=_check_start(claims, now=now, leeway=leeway),
        subject=checks.require_text(claims, "sub"),
        client_id=checks.require_text(claims, "client_id"),
        jti=checks.require_text(claims, "jti"),
        scopes=check_scope(claims),
        session_id=checks.optional_text(claims, "sid"),
        claims=claims,
    )


def _check_start(claims: Mapping[str, Any], *, now: int, leeway: int) -> int:
    checks.check_not_before(claims, now=now, leeway=leeway)
    return checks.check_issued_at(claims, now=now, leeway=leeway)


def check_scope(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` as RFC 8693 §4.2 shapes it: one string of scope values; absent means none. Returns them."""
    value = claims.get("scope", "")
    if not isinstance(value, str):
        raise TokenError("scope", "the 'scope' claim is not a string of space-separated values (RFC 8693, section 4.2)")
    return scope_set(value)


@lru_cache(maxsize=256)
def single(audience: str) -> tuple[str, ...]:
    """The tuple of one audience, which all tokens that name it share."""
    return (audience,)


@lru_cache(maxsize=256)
def scope_set(value: str) -> frozenset[str]:
    """The values of a scope claim. An API sees few different ones, each in many tokens; errors are not kept.

    Raises:
        TokenError: it is malformed.
    """
    try:
        return frozenset(parse_scope(value))
    except OAuthError as error:
        raise TokenError("scope", "the 'scope' claim is malformed") from error
