"""Who probably issued a token, by what its claims look like. A hint: nothing of it is verified."""

import re
from typing import Any, Final

import msgspec

Claims = dict[str, Any]


class Provider(msgspec.Struct, frozen=True):
    """A guess.

    Attributes:
        name: of the provider.
        because: what in the token speaks for it.
        note: what is peculiar about its access tokens.
    """

    name: str
    because: str
    note: str


class _Row(msgspec.Struct, frozen=True):
    """How to know one: its issuers, and else claims that come together in its tokens only."""

    name: str
    issuer: re.Pattern[str]
    claims: frozenset[str]
    note: str


def _row(name: str, issuer: str, claims: str, note: str) -> _Row:
    return _Row(name, re.compile(issuer), frozenset(claims.split()), note)


_NEVER: Final = r"(?!)"

# What each row rests on stands above it; the pages were read on 2026-11-23, in a stored copy that may be older. Where
# none is named, docs/providers.md names it. "Not confirmed" marks what is from experience alone.
_ROWS: Final = (
    # docs.aws.amazon.com and, for China, docs.amazonaws.cn: "Understanding the access token"
    _row(
        "Amazon Cognito",
        r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/",
        "token_use",
        "Its access tokens have no 'aud' and no 'typ', unless the pool binds them to a resource.",
    ),
    # firebase.google.com/docs/auth/admin/verify-id-tokens, /manage-cookies; `firebase`: its reference of ParsedToken
    _row(
        "Firebase Authentication",
        r"https://(securetoken\.google|session\.firebase\.google)\.com/",
        "firebase",
        "Its tokens are ID tokens; 'aud' is the project.",
    ),
    # developers.google.com/identity/openid-connect/reference
    _row(
        "Google",
        r"(https://)?accounts\.google\.com\Z",
        "",
        "What it signs are ID tokens; its access tokens are opaque.",
    ),
    # learn.microsoft.com: access-token-claims-reference; answers/questions/1190472 for the clouds of nations;
    # microsoft-identity-web's wiki for b2clogin.com. ciamlogin.com as an issuer: not confirmed
    _row(
        "Microsoft Entra ID",
        r"https://(login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net"
        r"|sts\.chinacloudapi\.cn|[a-z0-9-]+\.(b2clogin|ciamlogin)\.com)/",
        "ver tid",
        "Its 'typ' is JWT, the client stands in 'azp' or 'appid', scopes in 'scp'; "
        "a token for Microsoft Graph can be verified by Graph alone.",
    ),
    # developer.okta.com/docs/concepts/auth-servers; `cid` and the other two domains: not confirmed
    _row(
        "Okta",
        r"https://[a-z0-9-]+\.(okta|oktapreview|okta-emea)\.com(/|\Z)",
        "cid",
        "Its client stands in 'cid' and scopes in 'scp'; tokens of the org server are for Okta alone.",
    ),
    # auth0.com/docs/secure/tokens/access-tokens/access-token-profiles; `gty`, and `typ` without the profile of
    # RFC 9068: not confirmed
    _row(
        "Auth0",
        r"https://[a-z0-9-]+(\.[a-z]{2}(-\d)?)?\.auth0\.com/",
        "gty",
        "Its issuer ends with a slash; choose the RFC 9068 profile for the API, else 'typ' is JWT.",
    ),
    # keycloak.org/securing-apps/oidc-layers; the setting for RFC 9068: not confirmed
    _row(
        "Keycloak",
        r"https?://[^/]+(/.*)?/realms/[^/]+\Z",
        "realm_access",
        "Its 'typ' is JWT and the client stands in 'azp', unless the client is set up for RFC 9068; "
        "'aud' needs an audience mapper.",
    ),
    # fusionauth.io/docs/lifecycle/authenticate-users/oauth/tokens; its issuer may be any text
    _row(
        "FusionAuth",
        _NEVER,
        "applicationId tid",
        "Its issuer is a text of the tenant's settings; its server may publish keys of others, too.",
    ),
    # clerk.com/docs/guides/sessions/session-tokens: no `aud` among the default claims
    _row(
        "Clerk",
        r"https://[a-z0-9-]+\.clerk\.accounts\.dev\Z",
        "fva sid",
        "Its session tokens have no 'aud' by default.",
    ),
    # supabase.com/docs/guides/auth/jwt-fields
    _row(
        "Supabase",
        r"https://[a-z0-9]+\.supabase\.co/auth/v1\Z",
        "aal is_anonymous",
        "Its 'aud' is a role, and 'typ' JWT.",
    ),
    # zitadel.com/docs/apis/openidoauth/claims: claims in the access token "when JWT"; its domain: not confirmed
    _row("Zitadel", r"https://[a-z0-9-]+(\.[a-z0-9]+)?\.zitadel\.cloud\Z", "", "Choose JWT as type of access tokens."),
    # docs.github.com/en/actions/reference/security/oidc: an Enterprise Server has an issuer of its own
    _row(
        "GitHub Actions",
        r"https://token\.actions\.githubusercontent\.com(/|\Z)",
        "repository_owner job_workflow_ref",
        "What it signs are ID tokens of workflows.",
    ),
    # docs.gitlab.com/ci/secrets/id_token_authentication
    _row("GitLab", r"https://gitlab\.com\Z", "namespace_path project_path", "What its jobs get are ID tokens."),
    # tokens as clusters print them, since kubernetes.io shows none in the copy that was read
    _row(
        "Kubernetes",
        r"https://kubernetes\.default\.svc(\.[a-z0-9.-]+)?\Z",
        "kubernetes.io",
        "Its tokens are those of service accounts.",
    ),
    # developer.apple.com/documentation/signinwithapplejs/authorizationi/id_token
    _row("Apple", r"https://appleid\.apple\.com\Z", "", "What it signs are ID tokens."),
)


def recognise(claims: Claims) -> Provider | None:
    """The provider whose issuer, or else whose claims these look like."""
    issuer = claims.get("iss")
    if isinstance(issuer, str):
        for row in _ROWS:
            if row.issuer.match(issuer):
                return Provider(row.name, "the form of 'iss'", row.note)
    for row in _ROWS:
        if row.claims and row.claims <= claims.keys():
            names = " and ".join(f"'{name}'" for name in sorted(row.claims))
            return Provider(row.name, f"the claim{'s' if len(row.claims) > 1 else ''} {names}", row.note)
    return None
