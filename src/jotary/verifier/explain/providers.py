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


_ROWS: Final = (
    _row(
        "Amazon Cognito",
        r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/",
        "token_use",
        "Its access tokens have no 'aud' and no 'typ', unless the pool binds them to a resource.",
    ),
    _row(
        "Firebase Authentication",
        r"https://securetoken\.google\.com/",
        "firebase",
        "Its tokens are ID tokens; 'aud' is the project.",
    ),
    _row(
        "Google", r"(https://)?accounts\.google\.com$", "", "What it signs are ID tokens; its access tokens are opaque."
    ),
    _row(
        "Microsoft Entra ID",
        r"https://(login\.microsoftonline\.(com|us)|sts\.windows\.net|[a-z0-9-]+\.(b2clogin|ciamlogin)\.com)/",
        "ver tid",
        "Its 'typ' is JWT, the client stands in 'azp' or 'appid', scopes in 'scp'; "
        "a token for Microsoft Graph can be verified by Graph alone.",
    ),
    _row(
        "Okta",
        r"https://[a-z0-9-]+\.(okta|oktapreview|okta-emea)\.com(/|$)",
        "cid",
        "Its client stands in 'cid' and scopes in 'scp'; tokens of the org server are for Okta alone.",
    ),
    _row(
        "Auth0",
        r"https://[a-z0-9-]+(\.[a-z]{2}(-\d)?)?\.auth0\.com/",
        "gty",
        "Its issuer ends with a slash; choose the RFC 9068 profile for the API, else 'typ' is JWT.",
    ),
    _row(
        "Keycloak",
        r"https?://[^/]+(/.*)?/realms/[^/]+$",
        "realm_access",
        "Its 'typ' is JWT and the client stands in 'azp', unless the client is set up for RFC 9068; "
        "'aud' needs an audience mapper.",
    ),
    _row("Clerk", r"https://[a-z0-9-]+\.clerk\.accounts\.dev$", "", "Its session tokens have no 'aud' by default."),
    _row(
        "Supabase",
        r"https://[a-z0-9]+\.supabase\.co/auth/v1$",
        "aal is_anonymous",
        "Its 'aud' is a role, and 'typ' JWT.",
    ),
    _row("Zitadel", r"https://[a-z0-9-]+(\.[a-z0-9]+)?\.zitadel\.cloud$", "", "Choose JWT as type of access tokens."),
    _row(
        "GitHub Actions",
        r"https://token\.actions\.githubusercontent\.com",
        "repository_owner job_workflow_ref",
        "What it signs are ID tokens of workflows.",
    ),
    _row("GitLab", r"https://gitlab\.com$", "namespace_path project_path", "What its jobs get are ID tokens."),
    _row(
        "Kubernetes", r"https://kubernetes\.default\.svc", "kubernetes.io", "Its tokens are those of service accounts."
    ),
    _row("Apple", r"https://appleid\.apple\.com$", "", "What it signs are ID tokens."),
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
