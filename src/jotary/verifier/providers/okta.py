"""Okta: access tokens of a custom authorization server. Those of the org's own server are for Okta alone."""

from collections.abc import Collection

from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.providers.preset import Preset, checked_host, checked_segment

_ORG_TOKENS = (
    "access tokens of Okta's org authorization server (its issuer has no /oauth2/ in it) are opaque to APIs; "
    "let the client ask a custom authorization server"
)
_PROFILE = TokenProfile(
    types=frozenset({"", "jwt", "at+jwt"}),
    client_claims=("cid",),
    scope_claim="scp",
    scope_shape="list",
    unknown_key_hint=_ORG_TOKENS,
    opaque_hint=_ORG_TOKENS,
)


def okta(*, domain: str, audience: str | Collection[str], authorization_server: str = "default") -> Preset:
    """Access tokens of a custom authorization server.

    Args:
        domain: the org's, or a custom one, such as "example.okta.com".
        audience: the authorization server's audience, such as "api://default", or several.
        authorization_server: its id, which stands at the end of its issuer.

    Raises:
        ValueError: a setting cannot be.
    """
    host = checked_host(domain, "domain", "example.okta.com")
    if not authorization_server:
        raise ValueError(f"authorization_server must be the id of a custom one: {_ORG_TOKENS}")
    issuer = f"https://{host}/oauth2/{checked_segment(authorization_server, 'authorization_server')}"
    return Preset(issuer=issuer, audience=audience, profile=_PROFILE, jwks_uri=f"{issuer}/v1/keys")
