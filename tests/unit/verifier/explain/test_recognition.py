"""What a text looks like, and who probably issued it: hints, by shape alone."""

import inspect
from typing import Any

import pytest

from jotary.jose import base64url, strict_json
from jotary.server.flows import authorize
from jotary.server.flows.administration import client_secret
from jotary.server.model import refresh_token
from jotary.testing import FrozenClock, TestIssuer
from jotary.verifier.explain import Circumstances, Explanation, NoKeys, explain
from jotary.verifier.explain.kinds import _SECRETS

CLOCK = FrozenClock()
ISSUER = TestIssuer(clock=CLOCK)
NOTHING = Circumstances(keys=NoKeys(reason="None.", is_failure=False))
UNSECURED = ".".join([base64url.encode(b'{"alg":"none"}'), ISSUER.token().split(".")[1], ""])


def explained(token: str) -> Explanation:
    """With nothing known."""
    return explain(token, NOTHING, CLOCK.now)


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("", "nothing"),
        (ISSUER.token(), "access_token"),
        (ISSUER.token(header={"typ": "application/AT+jwt"}), "access_token"),
        (ISSUER.id_token(), "id_token"),
        (ISSUER.token(header={"typ": "JWT"}), "jwt"),
        (ISSUER.token(header={"typ": "logout+jwt"}), "logout_token"),
        (ISSUER.token(header={"typ": "dpop+jwt"}), "dpop_proof"),
        (ISSUER.token(header={"typ": "revocations+jwt"}), "revocation_feed"),
        (ISSUER.sign(b"[]"), "signed_data"),
        (UNSECURED, "unsigned"),
        ("e30.AA.AA.AA.AA", "encrypted"),
        (f"bearer {ISSUER.token()}", "authorization_header"),
        (f"Authorization: Bearer {ISSUER.token()}", "authorization_header"),
        (f"'authorization:Bearer {ISSUER.token()}'", "authorization_header"),
        (f'"{ISSUER.token()}"', "quoted"),
        (f"{ISSUER.token()}'", "quoted"),
        ('"jrt_AAAA"', "refresh_token"),
        ("jrt_AAAA", "refresh_token"),
        ("jac_AAAA", "authorization_code"),
        ("jcs_AAAA", "client_secret"),
        ("SlAV32hkKG", "opaque"),
        ("a.b.c", "opaque"),
    ],
)
def test_a_text_is_recognised(token: str, kind: str) -> None:
    """RFC 9068 §2.1, OIDC Core §2, RFC 7519 §6, RFC 7516 §7.1 and the prefixes of jotary's own secrets."""
    explanation = explained(token)
    assert explanation.kind.name == kind
    assert explanation.kind.is_secret == (kind in {"refresh_token", "authorization_code", "client_secret"})


def test_the_secrets_are_known_by_the_servers_own_prefixes() -> None:
    """The verifier and the server never import each other, so the prefixes stand in both."""
    assert 'f"jac_{' in inspect.getsource(authorize)
    assert list(_SECRETS) == [refresh_token.PREFIX, "jac_", client_secret._PREFIX]


@pytest.mark.parametrize("secret", ["jrt_Zm9vYmFyYmF6", "jcs_Zm9vYmFyYmF6", "Zm9vYmFyYmF6", "x.Zm9vYmFyYmF6.y"])
def test_nothing_of_a_secret_is_shown(secret: str) -> None:
    """What was pasted by mistake is not to be seen twice."""
    assert "Zm9v" not in repr(explained(secret))


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x"}, "Amazon Cognito"),
        ({"token_use": "access"}, "Amazon Cognito"),
        ({"iss": "https://login.microsoftonline.com/t/v2.0"}, "Microsoft Entra ID"),
        ({"iss": "https://sts.windows.net/t/"}, "Microsoft Entra ID"),
        ({"ver": "1.0", "tid": "t"}, "Microsoft Entra ID"),
        ({"iss": "https://dev-1.okta.com/oauth2/default"}, "Okta"),
        ({"cid": "c"}, "Okta"),
        ({"iss": "https://tenant.eu.auth0.com/"}, "Auth0"),
        ({"iss": "https://id.example.com/realms/main"}, "Keycloak"),
        ({"realm_access": {"roles": []}}, "Keycloak"),
        ({"iss": "https://securetoken.google.com/p"}, "Firebase Authentication"),
        ({"firebase": {}}, "Firebase Authentication"),
        ({"iss": "https://accounts.google.com"}, "Google"),
        ({"iss": "https://a.clerk.accounts.dev"}, "Clerk"),
        ({"iss": "https://a.supabase.co/auth/v1"}, "Supabase"),
        ({"iss": "https://a.zitadel.cloud"}, "Zitadel"),
        ({"iss": "https://token.actions.githubusercontent.com"}, "GitHub Actions"),
        ({"iss": "https://gitlab.com"}, "GitLab"),
        ({"kubernetes.io": {}}, "Kubernetes"),
        ({"iss": "https://appleid.apple.com"}, "Apple"),
        ({"ver": "1.0"}, None),
        ({"iss": "https://evil.example/?https://accounts.google.com"}, None),
        ({"iss": 7}, None),
    ],
)
def test_a_provider_is_recognised(claims: dict[str, Any], name: str | None) -> None:
    """By the form of its issuer, or by claims that only it writes."""
    provider = explained(ISSUER.sign(strict_json.dumps(claims))).provider
    assert (provider and provider.name) == name
