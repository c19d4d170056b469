"""The issuer in memory: good tokens by default, and every shape on demand."""

import time

import pytest

from jotary import InvalidToken, TokenVerifier
from jotary.jose import Key, base64url, jws, strict_json
from jotary.testing import FrozenClock, LoopbackIssuer, TestIssuer
from jotary.testing.provider_shapes import SHAPES
from jotary.verifier.providers import PROVIDERS


def claims(token: str) -> dict[str, object]:
    """What a token says."""
    return strict_json.loads_object(jws.parse(token).payload)


def test_its_tokens_are_good_now() -> None:
    """With a verifier as an application makes it, at the real time."""
    issuer = TestIssuer("https://id.example", audience="https://todo.example")
    verifier = TokenVerifier.offline(issuer="https://id.example", audience="https://todo.example", keys=issuer.keys)
    before = int(time.time())
    principal = verifier.verify(issuer.token(sub="ada", scopes=["todo:read"]))
    assert (principal.subject, principal.scopes) == ("ada", frozenset({"todo:read"}))
    assert before <= principal.issued_at <= time.time()


def test_a_frozen_clock_moves_when_it_is_told() -> None:
    """A test of expiry needs no waiting."""
    clock = FrozenClock()
    issuer = TestIssuer(clock=clock)
    verifier, token = issuer.verifier(), issuer.token(lifetime=60)
    verifier.verify(token)
    clock.advance(60 + 5)
    with pytest.raises(InvalidToken, match="exp"):
        verifier.verify(token)
    clock.advance(-30)
    verifier.verify(token)


def test_every_claim_can_be_replaced_or_left_out() -> None:
    """Also with what no honest issuer signs."""
    issuer = TestIssuer()
    said = claims(issuer.token("ada", without=["jti", "sid"], exp="never", aud=[], roles=["x"], scope=None))
    assert (said["sub"], said["exp"], said["aud"], said["roles"], said["scope"]) == ("ada", "never", [], ["x"], None)
    assert not {"jti", "sid"} & set(said)


def test_every_header_member_can_be_replaced_or_left_out() -> None:
    """RFC 7515 §4."""
    issuer = TestIssuer()
    assert jws.parse(issuer.token(header={"typ": "JWT", "kid": "x", "extra": 1})).header == {
        "alg": "ES256",
        "kid": "x",
        "typ": "JWT",
        "extra": 1,
    }
    assert jws.parse(issuer.token(header={"typ": None, "kid": None})).header == {"alg": "ES256"}


@pytest.mark.parametrize(("provider", "variant"), SHAPES)
def test_it_issues_tokens_of_every_providers_shape(provider: str, variant: str) -> None:
    """That the preset takes, in memory and over HTTP, by the settings that it names."""
    issuer = TestIssuer.for_provider(provider, variant=variant)
    assert issuer.verifier().verify(issuer.token("ada")).subject == "ada"
    with LoopbackIssuer.for_provider(provider, variant=variant) as loopback:
        verifier = TokenVerifier.for_provider(provider, **loopback.settings)
        principal = verifier.verify(loopback.token("ada"))
        assert (principal.subject, principal.issuer) == ("ada", issuer.issuer)
        assert loopback.requests == [loopback.jwks_path]
        with pytest.raises(InvalidToken):
            verifier.verify(issuer.token("ada"))


def test_every_provider_has_a_shape() -> None:
    """A preset without one could not be tested by who uses it."""
    assert {provider for provider, _ in SHAPES} == set(PROVIDERS) - {"jotary"}


def test_an_unknown_shape_or_setting_is_an_error() -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="auth0 rfc9068"):
        TestIssuer.for_provider("auth0", variant="rfc0000")
    with pytest.raises(TypeError, match="realm"):
        TestIssuer.for_provider("auth0", realm="x")


def test_tokens_differ() -> None:
    """Each has its own id (RFC 9068 §2.2)."""
    issuer = TestIssuer()
    assert claims(issuer.token())["jti"] != claims(issuer.token())["jti"]


def test_a_token_can_be_signed_by_a_stranger() -> None:
    """A forged one."""
    issuer = TestIssuer()
    with pytest.raises(InvalidToken, match="signature"):
        issuer.verifier().verify(issuer.token(key=Key.generate("ES256", kid=issuer.signing_key.kid)))


def test_keys_can_be_rotated_and_withdrawn() -> None:
    """Design §6.2."""
    issuer = TestIssuer()
    old, before = issuer.signing_key, issuer.token()
    new = issuer.rotate()
    issuer.verifier().verify(before)
    issuer.verifier().verify(issuer.token())
    issuer.withdraw(old)
    assert [key["kid"] for key in issuer.jwks()["keys"]] == [new.kid]
    with pytest.raises(InvalidToken, match="kid"):
        issuer.verifier().verify(before)


def test_an_id_token_is_what_the_provider_sends_to_clients() -> None:
    """OIDC Core §2."""
    issuer = TestIssuer()
    token = issuer.id_token("ada", client_id="web", email="ada@example.com")
    said = claims(token)
    assert (said["sub"], said["aud"], said["email"]) == ("ada", "web", "ada@example.com")
    assert {"nonce", "at_hash", "auth_time"} <= set(said)
    assert jws.parse(token).header["typ"] == "JWT"


def test_published_keys_are_public() -> None:
    """RFC 7517 §4: not one private member."""
    (key,) = TestIssuer().jwks()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_any_bytes_can_be_signed() -> None:
    """For payloads that are no JSON at all."""
    issuer = TestIssuer()
    token = issuer.sign(b"\xff", header={"typ": "at+jwt"})
    assert base64url.decode(token.split(".")[1]) == b"\xff"
