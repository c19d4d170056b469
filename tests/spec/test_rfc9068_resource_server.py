"""RFC 9068 §4: what a resource server must check of a JWT access token, in the words of its list."""

import pytest

from jotary import InvalidToken, TokenVerifier
from jotary.jose import Key, KeySet, base64url
from jotary.testing import FrozenClock, TestIssuer

CLOCK = FrozenClock()
ISSUER = TestIssuer(clock=CLOCK)
VERIFIER = ISSUER.verifier(leeway=0)


def failed_check(token: str, verifier: TokenVerifier = VERIFIER) -> str:
    """The check that refuses the token."""
    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token)
    assert caught.value.code == "invalid_token"
    return caught.value.claim


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt"])
def test_the_typ_header_is_one_of_two_values(typ: str) -> None:
    """§4: and everything else is refused (§2.1)."""
    VERIFIER.verify(ISSUER.token(header={"typ": typ}))


@pytest.mark.parametrize("typ", ["JWT", "secevent+jwt", "at+jwt ", None])
def test_any_other_typ_header_is_refused(typ: str | None) -> None:
    """§4."""
    assert failed_check(ISSUER.token(header={"typ": typ})) == "typ"


def test_an_encrypted_token_is_refused() -> None:
    """§4: to be decrypted only if that was agreed on; here it never is."""
    header = base64url.encode(b'{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}')
    assert failed_check(f"{header}..AAAA.AAAA.AAAA") == "token"


def test_the_issuer_matches_exactly() -> None:
    """§4: `iss`."""
    assert failed_check(ISSUER.token(iss=f"{ISSUER.issuer}/")) == "iss"


def test_the_audience_names_this_resource_server() -> None:
    """§4: `aud`, alone or among others."""
    VERIFIER.verify(ISSUER.token(aud=["https://other.example", ISSUER.audience]))
    assert failed_check(ISSUER.token(aud=["https://other.example"])) == "aud"


def test_the_signature_is_validated_with_a_key_of_the_issuer() -> None:
    """§4: by the keys that it publishes."""
    stranger = TestIssuer(ISSUER.issuer, audience=ISSUER.audience, clock=CLOCK)
    verifier = ISSUER.verifier(keys=KeySet([*ISSUER.keys, Key.generate("ES256", kid="other")]))
    assert failed_check(stranger.token(header={"kid": "other"}), verifier) == "signature"


def test_none_is_no_algorithm() -> None:
    """§4: must be rejected, also in RFC 8725 §3.2."""
    payload = ISSUER.token().split(".")[1]
    for name in ("none", "None", "NONE", "nOnE"):
        header = base64url.encode(f'{{"alg":"{name}","typ":"at+jwt"}}'.encode())
        assert failed_check(f"{header}.{payload}.") == "alg"


def test_rs256_is_supported() -> None:
    """§4, §2.1: resource servers must."""
    issuer = TestIssuer(algorithm="RS256", clock=CLOCK)
    assert issuer.verifier().verify(issuer.token("ada")).subject == "ada"


def test_the_current_time_is_before_the_expiration() -> None:
    """§4: `exp`; a leeway of a few minutes at most is allowed, and none was asked for."""
    VERIFIER.verify(ISSUER.token(lifetime=1))
    assert failed_check(ISSUER.token(lifetime=0)) == "exp"


@pytest.mark.parametrize("claim", ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])
def test_the_required_claims_are_required(claim: str) -> None:
    """§2.2."""
    assert failed_check(ISSUER.token(without=[claim])) == claim


def test_authorization_is_by_scope() -> None:
    """§2.2.3, §4: the scopes reach the handler, who decides."""
    principal = VERIFIER.verify(ISSUER.token(scopes=["openid", "todo:read"]))
    assert principal.has_scopes("todo:read")
    assert not principal.has_scopes("todo:write")


def test_other_claims_reach_the_handler_unread() -> None:
    """§2.2.2, §2.2.3.1: roles, groups and entitlements are for the application."""
    principal = VERIFIER.verify(ISSUER.token(groups=["staff"], entitlements=["x"], acr="urn:x", amr=["pwd"]))
    assert (principal.claims["groups"], principal.claims["acr"]) == (("staff",), "urn:x")


def test_an_id_token_is_no_access_token() -> None:
    """§5: the type is what tells them apart, though both are by the same issuer and key."""
    assert failed_check(ISSUER.id_token(aud=ISSUER.audience)) == "typ"
