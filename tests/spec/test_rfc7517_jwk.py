"""RFC 7517, JSON Web Key: members and sets."""

import pytest

from jotary.jose import JOSEError, Key, KeySet, jws

# §3, the introductory example
EXAMPLE = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "kid": "Public key used in JWS spec Appendix A.3 example",
}


def test_the_example_of_section_3() -> None:
    """§3."""
    key = Key.from_jwk(EXAMPLE)
    assert key.to_jwk() == EXAMPLE
    assert (key.kty, key.kid, key.alg, key.use, key.key_ops) == ("EC", EXAMPLE["kid"], None, None, None)


def test_members_that_are_not_understood_are_ignored() -> None:
    """§4: of a key and of a set (§5)."""
    key = {**EXAMPLE, "x5c": "nonsense", "x5u": 1, "ext": True, "nbf": 0}
    assert Key.from_jwk(key).to_jwk() == EXAMPLE
    assert KeySet.from_jwks({"keys": [key], "more": 1}).to_jwks() == {"keys": [EXAMPLE]}


def test_a_set_ignores_what_it_does_not_understand() -> None:
    """§5: keys of unknown type, without required members, or with values out of range, are left out, not fatal."""
    strange = [{"kty": "Quantum"}, {"kty": "EC"}, {**EXAMPLE, "crv": "P-1"}, {**EXAMPLE, "x": EXAMPLE["y"]}]
    keys = KeySet.from_jwks({"keys": [*strange, EXAMPLE]})
    assert [key.kid for key in keys] == [EXAMPLE["kid"]]
    assert [ignored.index for ignored in keys.ignored] == [0, 1, 2, 3]


def test_the_order_of_keys_has_no_meaning() -> None:
    """§5: no key is preferred."""
    first, second = Key.generate("ES256", kid="1"), Key.generate("ES256", kid="2")
    token = jws.sign(b"payload", second)
    for keys in (KeySet([first, second]), KeySet([second, first])):
        assert jws.verify(token, keys, algorithms={"ES256"}).payload == b"payload"


@pytest.mark.parametrize("member", ["kid", "alg", "use"])
def test_usage_members_are_strings_compared_with_case(member: str) -> None:
    """§4.2, §4.4, §4.5."""
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk({**EXAMPLE, member: 1})
    upper = KeySet([Key.from_jwk({**EXAMPLE, "kid": "A"})])
    assert upper.get("a") is None
