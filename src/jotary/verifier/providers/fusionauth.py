"""FusionAuth: access tokens of an application. The keys that sign them must be named."""

from collections.abc import Collection

from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.providers.preset import Preset, checked_url


def fusionauth(*, url: str, issuer: str, audience: str | Collection[str], kids: Collection[str]) -> Preset:
    """Access tokens that are signed with an asymmetric key.

    Args:
        url: of the FusionAuth server, where the keys are.
        issuer: as it stands in the tenant's JWT settings; it need not be a URL.
        audience: the application's id, or several.
        kids: the key ids that sign this tenant's access tokens. The server's key set may hold others, imported ones
            among them, whose private part somebody else has.

    Raises:
        ValueError: a setting cannot be.
    """
    if isinstance(kids, str) or not kids or not all(kids):
        raise ValueError("kids must list the key ids that sign the access tokens: see Settings, Key Master")
    profile = TokenProfile(
        client_claims=("applicationId", "aud"),
        role_path=("roles",),
        key_ids=frozenset(kids),
        unknown_key_hint="only the key ids in 'kids' are taken; was the key rotated, or is the signature an HMAC?",
    )
    return Preset(
        issuer=issuer,
        audience=audience,
        profile=profile,
        jwks_uri=f"{checked_url(url, 'url')}/.well-known/jwks.json",
    )
