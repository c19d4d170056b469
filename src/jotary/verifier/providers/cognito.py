"""Amazon Cognito: access and ID tokens of a user pool, which only `token_use` tells apart."""

import re
from collections.abc import Collection
from typing import Literal

from jotary.tokens.token_profile import RequiredClaim, TokenProfile
from jotary.verifier.providers.preset import Preset

_POOL = re.compile(r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)_[0-9A-Za-z]+", re.ASCII)
_ACCESS = TokenProfile(
    types=None,  # the header has none
    required=(
        RequiredClaim(
            "token_use",
            frozenset({"access"}),
            "the 'token_use' claim must be 'access'; this is an ID token: send the access token to the API",
        ),
    ),
    audience_claim="client_id",  # access tokens have no `aud`
    role_path=("cognito:groups",),
)
_ID = TokenProfile(
    types=None,
    required=(
        RequiredClaim(
            "token_use",
            frozenset({"id"}),
            "the 'token_use' claim must be 'id'; this is an access token, and ID tokens are expected here",
        ),
    ),
    refused=frozenset(),
    client_claims=("aud",),
    scope_claim=None,
    role_path=("cognito:groups",),
)


def cognito(*, user_pool_id: str, client_id: str | Collection[str], kind: Literal["access", "id"] = "access") -> Preset:
    """Tokens of a user pool.

    Args:
        user_pool_id: such as "eu-central-1_AbCdEfGhI"; it begins with the region.
        client_id: the app client whose tokens are taken, or several: it stands for the audience.
        kind: of the token that is sent to this API.

    Raises:
        ValueError: a setting cannot be.
    """
    pool = _POOL.fullmatch(user_pool_id)
    if pool is None or pool["region"].startswith("cn-"):
        raise ValueError("user_pool_id must be one such as 'eu-central-1_AbCdEfGhI', of a region outside China")
    if kind not in {"access", "id"}:
        raise ValueError("kind must be 'access' or 'id'")
    issuer = f"https://cognito-idp.{pool['region']}.amazonaws.com/{user_pool_id}"
    return Preset(
        issuer=issuer,
        audience=client_id,
        profile=_ACCESS if kind == "access" else _ID,
        jwks_uri=f"{issuer}/.well-known/jwks.json",
    )
