"""Microsoft Entra ID: access tokens for an API, v1.0 and v2.0, of one tenant or of many."""

from collections.abc import Collection
from typing import Literal

from jotary.tokens.profiled_token import TENANT, is_guid
from jotary.tokens.token_profile import RequiredClaim, TokenProfile
from jotary.verifier.providers.preset import Preset

_LOGIN = "https://login.microsoftonline.com"
_COMMON = "common"
_VERSION_HINT = (
    "the 'ver' claim must be {!r}: set the version in the API's manifest (requestedAccessTokenVersion), or version here"
)


def entra(
    *,
    tenant: str,
    audience: str | Collection[str],
    version: Literal["1.0", "2.0"] = "2.0",
    tenants: Collection[str] | None = None,
) -> Preset:
    """Access tokens for an API that is registered in Entra ID.

    Args:
        tenant: the tenant's id, a GUID in lower case; "common" for an API with many tenants.
        audience: the API's client id (v2.0), or its application ID URI too (v1.0).
        version: of the tokens, as the API's manifest says.
        tenants: with "common", the ids of those that are trusted; None for every tenant there is.

    Raises:
        ValueError: a setting cannot be.
    """
    if version not in {"1.0", "2.0"}:
        raise ValueError("version must be '1.0' or '2.0'")
    if tenant != _COMMON and not is_guid(tenant):
        raise ValueError("tenant must be its id, a GUID in lower case (tokens never say its domain), or 'common'")
    many = tenant == _COMMON
    if tenants is not None and (not many or isinstance(tenants, str) or not tenants or not all(map(is_guid, tenants))):
        raise ValueError("tenants must be GUIDs in lower case, and goes with tenant='common'")
    if many and version == "1.0":
        raise ValueError("tenant='common' needs version='2.0': keys for v1.0 tokens are not told apart by issuer")
    return Preset(
        issuer=_issuer(TENANT if many else tenant, version),
        audience=audience,
        profile=_profile(version, many=many, tenants=tenants),
        jwks_uri=f"{_LOGIN}/{tenant}/discovery/{'v2.0/' if version == '2.0' else ''}keys",
    )


def _issuer(tenant: str, version: str) -> str:
    return f"{_LOGIN}/{tenant}/v2.0" if version == "2.0" else f"https://sts.windows.net/{tenant}/"


def _profile(version: str, *, many: bool, tenants: Collection[str] | None) -> TokenProfile:
    named: Literal["ignored", "if_named"] = "if_named" if version == "2.0" else "ignored"
    return TokenProfile(
        required=(RequiredClaim("ver", frozenset({version}), _VERSION_HINT.format(version)),),
        tenant_claim="tid" if many else None,
        tenants=None if tenants is None else frozenset(tenants),
        key_issuer="required" if many else named,
        client_claims=("azp",) if version == "2.0" else ("appid",),
        scope_claim="scp",
        role_path=("roles",),
        id_claim="uti",
    )
