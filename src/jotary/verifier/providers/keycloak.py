"""Keycloak: access tokens of a realm. Roles of the realm and of each client have names that may collide."""

from collections.abc import Collection

from jotary.tokens.token_profile import RequiredClaim, TokenProfile
from jotary.verifier.providers.preset import Preset, checked_segment, checked_url

_BEARER = RequiredClaim(
    "typ",
    frozenset({"Bearer"}),
    "the 'typ' claim must be 'Bearer': this is an ID token, a refresh token or one that is bound to a key; "
    "send the access token to the API",
)


def keycloak(*, base_url: str, realm: str, audience: str | Collection[str], roles_of: str | None = None) -> Preset:
    """Access tokens of a realm.

    Args:
        base_url: of the server, as its tokens say it in `iss` before `/realms/`, without a slash at the end.
        realm: its name.
        audience: what an audience mapper puts into `aud` for this API, or several.
        roles_of: the client whose roles the principal has; None for those of the realm. They are never mixed, since
            `admin` of one client is not `admin` of another.

    Raises:
        ValueError: a setting cannot be.
    """
    issuer = f"{checked_url(base_url, 'base_url')}/realms/{checked_segment(realm, 'realm')}"
    profile = TokenProfile(
        types=frozenset({"jwt", "at+jwt"}),
        required=(_BEARER,),
        refused=frozenset(),  # access tokens of old versions have a nonce
        client_claims=("azp", "client_id"),
        role_path=("realm_access", "roles") if roles_of is None else ("resource_access", roles_of, "roles"),
    )
    return Preset(issuer=issuer, audience=audience, profile=profile, jwks_uri=f"{issuer}/protocol/openid-connect/certs")
