"""Auth0: access tokens for an API, in Auth0's own profile and in that of RFC 9068."""

from collections.abc import Collection

from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.providers.preset import Preset, checked_host

_PROFILE = TokenProfile(
    types=frozenset({"jwt", "at+jwt"}),
    client_claims=("azp", "client_id"),  # Auth0's profile, RFC 9068's
    permission_claim="permissions",
    opaque_hint="Auth0 gives opaque tokens where the client asks for no audience: let it ask for that of this API",
)


def auth0(*, domain: str, audience: str | Collection[str]) -> Preset:
    """Access tokens of an Auth0 tenant.

    Args:
        domain: the tenant's, or a custom one, such as "tenant.eu.auth0.com".
        audience: the API's identifier, as it stands in the dashboard, or several.
    """
    host = checked_host(domain, "domain", "tenant.eu.auth0.com")
    return Preset(
        issuer=f"https://{host}/",  # with the slash: it is part of the name
        audience=audience,
        profile=_PROFILE,
        jwks_uri=f"https://{host}/.well-known/jwks.json",
    )
