"""Google: ID tokens of accounts.google.com. Google's access tokens are opaque and for Google's own APIs."""

from collections.abc import Collection

from jotary.tokens.token_profile import RequiredClaim, TokenProfile
from jotary.verifier.providers.preset import Preset, checked_host

_ISSUER = "https://accounts.google.com"


def google(*, client_id: str | Collection[str], hosted_domain: str | None = None) -> Preset:
    """ID tokens of Google Sign-In.

    Args:
        client_id: of this API's own OAuth client, or several.
        hosted_domain: the Google Workspace domain whose people alone are let in.

    Raises:
        ValueError: a setting cannot be.
    """
    required: tuple[RequiredClaim, ...] = ()
    if hosted_domain is not None:
        domain = checked_host(hosted_domain, "hosted_domain", "example.com")
        hint = "the 'hd' claim must be the hosted domain: the account is of another one, or of none"
        required = (RequiredClaim("hd", frozenset({domain}), hint),)
    profile = TokenProfile(
        types=frozenset({"", "jwt"}),
        required=required,
        refused=frozenset(),
        issuer_aliases=frozenset({"accounts.google.com"}),
        client_claims=("azp", "aud"),
        scope_claim=None,
        opaque_hint="Google's access tokens are opaque and for Google's own APIs: send the ID token",
    )
    return Preset(
        issuer=_ISSUER, audience=client_id, profile=profile, jwks_uri="https://www.googleapis.com/oauth2/v3/certs"
    )
