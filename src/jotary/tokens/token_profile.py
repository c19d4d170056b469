"""What the tokens of an issuer look like that does not follow RFC 9068: as data, so that an issuer is one entry."""

from typing import Literal

import msgspec

#: What only an ID token says (OIDC Core §2 and §3.3.2.11).
ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash"})
#: What the integrator is told who sends one to an API.
WRONG_KIND = "this is an ID token, which is for the client alone; send the access token to the API"


class RequiredClaim(msgspec.Struct, frozen=True):
    """A claim that tells one kind of token from another.

    Attributes:
        name: of the claim.
        values: it must be one of these strings.
        hint: for the integrator, when it is not.
    """

    name: str
    values: frozenset[str]
    hint: str


class TokenProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What a token of one issuer must say, and where it says it. Issuer, audience and times are always checked.

    Attributes:
        types: the header's `typ`, in lower case and without `application/`; an empty string stands for none. None:
            the header tells nothing, and `required` must tell access tokens from others.
        required: claims that tell the kind of token.
        refused: claims that only a token of the wrong kind has,
        refused_hint: and what to say then.
        issuer_aliases: other spellings of the issuer, byte for byte; the principal has the one that was asked for.
        tenant_claim: for an issuer with `{tenantid}` in its name, where a GUID stands: the claim that must say the same
            if it is there.
        tenants: those that are trusted; None for all.
        key_issuer: what a key's own `issuer` member decides: nothing; that it must fit if it is there; that it must be
            there and fit.
        audience_claim: `aud`, or the claim that stands for it.
        client_claims: where the client is named; the first that is there counts.
        scope_claim: where the scopes are; None where there are none.
        scope_shape: one string of scopes, or a list with one in each.
        role_path: the members that lead to the list of roles.
        permission_claim: where a list of permissions is.
        id_claim: the token's own id, where it has one.
        past_claims: times that must have come, `auth_time` for one.
        longest_subject: characters.
        key_format: a JWK Set, or a map from kid to certificate.
        key_ids: the only keys of the issuer that sign such tokens; None for every one that it publishes.
        is_unsigned: take unsigned tokens, and no others: for an emulator on a developer's machine.
        unknown_key_hint: added when no key fits: which tokens are signed with keys that are not published.
        opaque_hint: added when it is no signed JWT: which tokens of the issuer are none.
    """

    types: frozenset[str] | None = frozenset({"jwt"})
    required: tuple[RequiredClaim, ...] = ()
    refused: frozenset[str] = ID_TOKEN_CLAIMS
    refused_hint: str = WRONG_KIND
    issuer_aliases: frozenset[str] = frozenset()
    tenant_claim: str | None = None
    tenants: frozenset[str] | None = None
    key_issuer: Literal["ignored", "if_named", "required"] = "ignored"
    audience_claim: str = "aud"
    client_claims: tuple[str, ...] = ("client_id",)
    scope_claim: str | None = "scope"
    scope_shape: Literal["string", "list"] = "string"
    role_path: tuple[str, ...] | None = None
    permission_claim: str | None = None
    id_claim: str = "jti"
    past_claims: tuple[str, ...] = ()
    longest_subject: int | None = None
    key_format: Literal["jwks", "certificates"] = "jwks"
    key_ids: frozenset[str] | None = None
    is_unsigned: bool = False
    unknown_key_hint: str = ""
    opaque_hint: str = ""
