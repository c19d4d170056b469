"""Checks a token against the profile of its issuer. Pure: claims in, a record out; `now` is an argument."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from jotary.jose.header import media_type
from jotary.oauth.errors import OAuthError
from jotary.oauth.scope import parse_scope
from jotary.tokens import claims as checks
from jotary.tokens.errors import TokenError
from jotary.tokens.token_profile import RequiredClaim, TokenProfile

TENANT = "{tenantid}"  # stands for a tenant in the name of an issuer with many
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class ProfiledToken(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a token that passed every check of its profile."""

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str]
    roles: frozenset[str]
    permissions: frozenset[str]
    audience: tuple[str, ...]
    session_id: str | None
    jti: str | None
    issued_at: int
    expires_at: int


def check_profiled_token(
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    profile: TokenProfile,
    *,
    issuer: str,
    audiences: frozenset[str],
    now: int,
    leeway: int,
) -> ProfiledToken:
    """Check the header and the claims of a token whose signature already held.

    The kind comes first, so that the most common mistake, another token of the same issuer, is named as what it is.

    Args:
        header: of the token.
        claims: the verified payload.
        profile: what its issuer's tokens look like.
        issuer: the one that is trusted, with `{tenantid}` where it has many tenants.
        audiences: of which one must be in the audience.
        now: Unix seconds.
        leeway: seconds that clocks may differ.

    Raises:
        TokenError: with the claim that failed.
    """
    _check_kind(header.get("typ"), claims, profile)
    said_by = check_issuer(claims, profile, issuer)
    audience = check_audience(claims, profile, audiences)
    expires_at = checks.check_expiry(claims, now=now, leeway=leeway)
    _check_start(claims, profile, now=now, leeway=leeway)
    return ProfiledToken(
        issuer=said_by,
        audience=audience,
        expires_at=expires_at,
        issued_at=checks.check_issued_at(claims, now=now, leeway=leeway),
        subject=subject(claims, profile),
        client_id=client(claims, profile),
        scopes=scopes(claims, profile),
        roles=strings(claims, profile.role_path),
        permissions=strings(claims, (profile.permission_claim,) if profile.permission_claim else None),
        session_id=checks.optional_text(claims, "sid"),
        jti=checks.optional_text(claims, profile.id_claim),
    )


def check_key_issuer(kid: str | None, key_issuer: str | None, profile: TokenProfile, token_issuer: str) -> None:
    """A key that is published for one tenant must not sign for another one.

    Args:
        kid: of the token's header, by which the key was found.
        key_issuer: the key's own `issuer` member, which may hold `{tenantid}`.
        profile: says what the member decides.
        token_issuer: the verified `iss`.

    Raises:
        TokenError: the key is not for this issuer.
    """
    if profile.key_issuer == "ignored":
        return
    if kid is None:
        raise TokenError("kid", "the token's header names no key, so that nothing tells for which issuer it signs")
    if key_issuer is None and profile.key_issuer == "if_named":
        return
    if key_issuer != token_issuer and (key_issuer is None or not tenant_of(token_issuer, key_issuer)):
        raise TokenError("iss", "the key that signed the token is not published for this issuer")


def tenant_of(issuer: str, template: str) -> str | None:
    """The GUID that stands for `{tenantid}` in an issuer of this template; None if it is no such issuer."""
    before, placeholder, after = template.partition(TENANT)
    if not placeholder or not issuer.startswith(before) or not issuer.endswith(after):
        return None
    tenant = issuer[len(before) : len(issuer) - len(after)]
    return tenant if is_guid(tenant) else None


def is_guid(text: str) -> bool:
    """Whether it is a GUID as issuers write it: lower case, with hyphens."""
    return _GUID.fullmatch(text) is not None


def check_issuer(claims: Mapping[str, Any], profile: TokenProfile, issuer: str) -> str:
    """Return the issuer for which the token speaks: byte for byte the one expected, or one of its tenants.

    Raises:
        TokenError: it is another one.
    """
    if profile.tenant_claim is None:
        if checks.require_text(claims, "iss") not in profile.issuer_aliases:
            checks.check_issuer(claims, issuer)
        return issuer
    tenant = tenant_of(checks.require_text(claims, "iss"), issuer)
    if tenant is None:
        raise TokenError("iss", f"the token was issued by another issuer than {issuer}; compared byte for byte")
    if claims.get(profile.tenant_claim, tenant) != tenant:
        raise TokenError(profile.tenant_claim, f"the '{profile.tenant_claim}' claim names another tenant than 'iss'")
    if profile.tenants is not None and tenant not in profile.tenants:
        raise TokenError("iss", "the token is of a tenant that is not trusted here")
    return issuer.replace(TENANT, tenant)


def _check_kind(typ: object, claims: Mapping[str, Any], profile: TokenProfile) -> None:
    """Refuse a token of another kind, by the header or by the claims: they are signed with the same keys."""
    check_type(typ, profile)
    for claim in profile.required:
        check_required(claims, claim)
    for name in sorted(profile.refused & claims.keys()):
        check_absent(claims, name, profile)


def _check_start(claims: Mapping[str, Any], profile: TokenProfile, *, now: int, leeway: int) -> None:
    checks.check_not_before(claims, now=now, leeway=leeway)
    for name in profile.past_claims:
        check_past(claims, name, now=now, leeway=leeway)


def check_type(typ: object, profile: TokenProfile) -> None:
    """Refuse a header of another type than the profile's.

    Raises:
        TokenError: naming `typ`.
    """
    kind = media_type(typ) if isinstance(typ, str) else ""
    if profile.types is not None and kind not in profile.types:
        raise TokenError("typ", f"the header's 'typ' must be {type_names(profile)}{_joined(profile.unknown_key_hint)}")


def type_names(profile: TokenProfile) -> str:
    """The types that are taken, as a person reads them."""
    return " or ".join(repr(name) if name else "absent" for name in sorted(profile.types or ()))


def check_required(claims: Mapping[str, Any], claim: RequiredClaim) -> None:
    """Refuse a token that is not of the kind that this claim tells.

    Raises:
        TokenError: naming the claim.
    """
    value = claims.get(claim.name)
    if not isinstance(value, str) or value not in claim.values:
        raise TokenError(claim.name, claim.hint)


def check_absent(claims: Mapping[str, Any], name: str, profile: TokenProfile) -> None:
    """Refuse a token that says what only one of the wrong kind does.

    Raises:
        TokenError: naming the claim.
    """
    if name in claims:
        raise TokenError(name, profile.refused_hint)


def check_audience(claims: Mapping[str, Any], profile: TokenProfile, audiences: frozenset[str]) -> tuple[str, ...]:
    """Return the audience, which stands in `aud` or in the claim that takes its place.

    Raises:
        TokenError: naming `aud`, whichever claim it was.
    """
    return checks.check_audience({"aud": claims.get(profile.audience_claim)}, audiences)


def check_past(claims: Mapping[str, Any], name: str, *, now: int, leeway: int) -> None:
    """Refuse a time that has not come.

    Raises:
        TokenError: naming the claim.
    """
    if checks.require_time(claims, name) > now + leeway:
        raise TokenError(name, f"the '{name}' claim lies in the future; check the clocks of issuer and API")


def subject(claims: Mapping[str, Any], profile: TokenProfile) -> str:
    """Return who the token is about.

    Raises:
        TokenError: naming `sub`.
    """
    found = checks.require_text(claims, "sub")
    if profile.longest_subject is not None and len(found) > profile.longest_subject:
        raise TokenError("sub", f"the 'sub' claim is longer than {profile.longest_subject} characters")
    return found


def client(claims: Mapping[str, Any], profile: TokenProfile) -> str:
    """Return whose token it is, as the first of the profile's claims says that is there.

    Raises:
        TokenError: naming that claim, or the first one where none is there.
    """
    for name in profile.client_claims:
        if name == "aud":  # of an ID token: the client (OIDC Core §2)
            (only, *others) = checks.audiences(claims)
            if others:
                raise TokenError("aud", "the token names more than one client in 'aud' and none in 'azp'")
            return only
        if name in claims:
            return checks.require_text(claims, name)
    names = " or ".join(f"'{name}'" for name in profile.client_claims)
    raise TokenError(
        profile.client_claims[0],
        f"the token names no client in {names}; is this an ID token? Send the access token to the API",
    )


def scopes(claims: Mapping[str, Any], profile: TokenProfile) -> frozenset[str]:
    """Return what the token allows.

    Raises:
        TokenError: naming the profile's claim.
    """
    name = profile.scope_claim
    if name is None or name not in claims:
        return frozenset()
    value = claims[name]
    try:
        if profile.scope_shape == "list":
            found = strings(claims, (name,))
            if all(parse_scope(scope) == (scope,) for scope in found):
                return found
        elif isinstance(value, str):
            return frozenset(parse_scope(value))
    except OAuthError as error:
        raise TokenError(name, f"the '{name}' claim is malformed") from error
    raise TokenError(name, f"the '{name}' claim is not a {profile.scope_shape} of scope values")


def strings(claims: Mapping[str, Any], path: tuple[str, ...] | None) -> frozenset[str]:
    """Return the list of strings at the end of a path; empty where a part of it is absent.

    Raises:
        TokenError: naming the first claim of the path.
    """
    value: object = claims if path else []
    for name in path or ():
        if not isinstance(value, Mapping):
            raise TokenError((path or ("",))[0], f"the claim at '{'.'.join(path or ())}' is malformed")
        if name not in value:
            return frozenset()
        value = value[name]
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) and one for one in value):
        raise TokenError((path or ("",))[0], f"the claim at '{'.'.join(path or ())}' is not a list of strings")
    return frozenset(value)


def _joined(hint: str) -> str:
    return f"; {hint}" if hint else ""
