import json
from typing import Any

import pytest

from jotary.jose import JOSEError, Key, KeySet, jws, key_set

FIRST, SECOND = Key.generate("ES256", kid="1"), Key.generate("ES256", kid="2")
EDDSA = Key.generate("EdDSA", kid="3")
RSA = Key.generate("RS256", kid="4")
SECRET = Key.generate("HS256", kid="5")


def without(jwk: dict[str, Any], *names: str) -> dict[str, Any]:
    """The JWK without some members."""
    return {name: value for name, value in jwk.items() if name not in names}


def reasons(*entries: Any) -> list[str]:
    """Why the entries were ignored, beside one key that is good; none of them can be selected."""
    keys = KeySet.from_jwks({"keys": [*entries, FIRST.to_jwk()]})
    assert [key.kid for key in keys] == ["1"]
    assert [ignored.index for ignored in keys.ignored] == list(range(len(entries)))
    return [ignored.reason for ignored in keys.ignored]


def test_a_set_is_written_and_read() -> None:
    """RFC 7517 §5: public members only, even where the set was made of private keys."""
    keys = KeySet([FIRST, EDDSA, RSA])
    jwks = keys.to_jwks()
    assert jwks == {"keys": [FIRST.to_jwk(), EDDSA.to_jwk(), RSA.to_jwk()]}
    assert not any(key.is_private for key in keys)
    for read in (KeySet.from_jwks(jwks), KeySet.from_jwks(json.dumps(jwks).encode())):
        assert (len(read), read.ignored, read.to_jwks()) == (3, (), jwks)
    found = keys.get("3")
    assert found is not None
    assert found.to_jwk() == EDDSA.to_jwk()
    assert keys.get("9") is None
    assert repr(keys) == "<KeySet 3 keys, 0 ignored>"
    assert len(KeySet()) == 0


def test_a_key_is_chosen_by_kid_and_algorithm() -> None:
    """RFC 7515 §4.1.4, RFC 8725 §3.1."""
    keys = KeySet([FIRST, SECOND, EDDSA])
    assert [keys.select("2", "ES256").kid, keys.select("3", "EdDSA").kid] == ["2", "3"]
    for kid, algorithm, code in (
        ("9", "ES256", "unknown_key"),
        ("", "ES256", "unknown_key"),
        ("1", "EdDSA", "key_not_usable"),
        ("3", "ES256", "key_not_usable"),
        ("1", "HS256", "key_not_usable"),
        ("1", "none", "unsupported_algorithm"),
        (None, "none", "unsupported_algorithm"),
    ):
        for attempt in (keys.select, lambda kid, algorithm: keys.verifier(algorithm, kid)):
            with pytest.raises(JOSEError, match=code):
                attempt(kid, algorithm)


def test_without_a_kid_exactly_one_key_must_fit() -> None:
    """A token without kid is taken only where there is nothing to guess."""
    keys = KeySet([FIRST, SECOND, EDDSA])
    assert keys.select(None, "EdDSA").kid == "3"
    with pytest.raises(JOSEError, match=r"unknown_key.*2 keys"):
        keys.select(None, "ES256")
    with pytest.raises(JOSEError, match=r"unknown_key.*0 keys"):
        keys.select(None, "RS256")
    nameless = Key.from_jwk(without(SECOND.to_jwk(), "kid"))
    with pytest.raises(JOSEError, match=r"unknown_key.*2 keys"):
        KeySet([FIRST, nameless]).select(None, "ES256")
    with pytest.raises(JOSEError, match="unknown_key"):
        KeySet([nameless]).select("2", "ES256")
    token = jws.sign(b"payload", EDDSA, header={"kid": None})
    assert jws.parse(token).kid is None
    assert jws.verify(token, keys, algorithms={"EdDSA"}).payload == b"payload"


def test_symmetric_keys_are_never_in_a_set() -> None:
    """RFC 8725 §2.1: what is in a set can be published, and what is published must not sign."""
    with pytest.raises(JOSEError, match=r"invalid_key.*by itself"):
        KeySet([SECRET])
    assert "symmetric" in reasons(SECRET.to_jwk(private=True))[0]
    assert "symmetric" in reasons({"kty": "oct", "kid": "1"})[0]
    keys = KeySet.from_jwks({"keys": [SECRET.to_jwk(private=True)]})
    with pytest.raises(JOSEError, match="unknown_key"):
        jws.verify(jws.sign(b"payload", SECRET), keys, algorithms={"HS256"})


@pytest.mark.parametrize("key", [SECOND, EDDSA, RSA], ids=lambda key: key.alg)
def test_published_private_keys_are_never_used(key: Key) -> None:
    """Anybody could have signed with it; one private member is enough."""
    private = key.to_jwk(private=True)
    for member in private.keys() - key.to_jwk().keys():
        assert "private part" in reasons({**key.to_jwk(), member: private[member]})[0]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        1,
        [],
        "key",
        {},
        {"kty": "RSA"},
        {"kty": "AES", "kid": "9"},
        {**SECOND.to_jwk(), "alg": "ES256K"},
        {**SECOND.to_jwk(), "alg": "ECDH-ES", "use": "enc"},
        {**SECOND.to_jwk(), "use": "enc"},
        {**SECOND.to_jwk(), "key_ops": ["sign"]},
        {**SECOND.to_jwk(), "crv": "secp256k1"},
        {**SECOND.to_jwk(), "x": "AAAA"},
        {**SECOND.to_jwk(), "kid": 2},
    ],
)
def test_keys_that_cannot_be_used_are_left_out(entry: Any) -> None:
    """RFC 7517 §5: unknown types and algorithms are ignored; the rest of the set stays usable."""
    (reason,) = reasons(entry)
    assert reason


def test_a_kid_that_names_two_keys_names_none() -> None:
    """RFC 7517 §4.5: which of them signed would be a guess."""
    twin = {**SECOND.to_jwk(), "kid": "3"}
    keys = KeySet.from_jwks({"keys": [EDDSA.to_jwk(), FIRST.to_jwk(), twin]})
    assert [(ignored.index, ignored.kid) for ignored in keys.ignored] == [(0, "3"), (2, "3")]
    with pytest.raises(JOSEError, match="unknown_key"):
        keys.select("3", "EdDSA")
    with pytest.raises(JOSEError, match=r"invalid_key.*kid"):
        KeySet([FIRST, Key.from_jwk({**SECOND.to_jwk(), "kid": "1"})])
    encryption = {**SECOND.to_jwk(), "kid": "1", "use": "enc"}
    assert reasons(encryption) == ["it may not be used to verify signatures"]


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": "x"}, FIRST.to_jwk()])
def test_what_is_no_set_is_refused(document: Any) -> None:
    """RFC 7517 §5.1."""
    with pytest.raises(JOSEError, match="invalid_key"):
        KeySet.from_jwks(document)


def test_what_is_no_json_is_refused() -> None:
    """The answer of a server that is not ours."""
    for body in (b"", b"<html>", b'{"keys":[],"keys":[]}', b"[]"):
        with pytest.raises(JOSEError, match="bad_json"):
            KeySet.from_jwks(body)
    with pytest.raises(JOSEError, match="too_large"):
        KeySet.from_jwks(b" " * (key_set.MAX_SIZE + 1))


def test_the_number_of_keys_is_bounded() -> None:
    """Whoever publishes a set must not fill the verifier's memory."""
    nameless = without(FIRST.to_jwk(), "kid")
    assert len(KeySet.from_jwks({"keys": [nameless] * 128})) == 128
    with pytest.raises(JOSEError, match="too_large"):
        KeySet.from_jwks({"keys": [None] * 129})
    with pytest.raises(JOSEError, match="too_large"):
        KeySet([Key.from_jwk(nameless)] * 129)
