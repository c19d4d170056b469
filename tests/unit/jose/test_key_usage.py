from typing import Any

import pytest

from jotary.jose import JOSEError, Key, jws

KEY = Key.generate("ES256", kid="1")
PRIVATE = {name: value for name, value in KEY.to_jwk(private=True).items() if name != "use"}
PUBLIC = {name: value for name, value in KEY.to_jwk().items() if name != "use"}
TOKEN = jws.sign(b"payload", KEY)


def verifies(usage: dict[str, Any]) -> bool:
    """Whether the public key with these usage members verifies the token."""
    key = Key.from_jwk({**PUBLIC, **usage})
    try:
        return jws.verify(TOKEN, key, algorithms={"ES256"}).payload == b"payload"
    except JOSEError as error:
        return error.code != "key_not_usable"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, True),
        ({"use": "sig"}, True),
        ({"use": "enc"}, False),
        ({"use": "SIG"}, False),
        ({"use": ""}, False),
        ({"key_ops": ["verify"]}, True),
        ({"key_ops": ["sign", "verify"]}, True),
        ({"key_ops": ["sign"]}, False),
        ({"key_ops": []}, False),
        ({"key_ops": ["encrypt"]}, False),
        ({"use": "sig", "key_ops": ["verify"]}, True),
        ({"use": "sig", "key_ops": ["sign"]}, False),
        ({"use": "enc", "key_ops": ["deriveKey"]}, False),
    ],
)
def test_use_and_key_ops_decide_whether_a_key_verifies(usage: dict[str, Any], *, expected: bool) -> None:
    """RFC 7517 §4.2, §4.3."""
    assert verifies(usage) is expected


@pytest.mark.parametrize("usage", [{"use": "enc"}, {"key_ops": ["verify"]}, {"key_ops": []}])
def test_use_and_key_ops_decide_whether_a_key_signs(usage: dict[str, Any]) -> None:
    """RFC 7517 §4.2, §4.3."""
    with pytest.raises(JOSEError, match="key_not_usable"):
        jws.sign(b"payload", Key.from_jwk({**PRIVATE, **usage}))
    assert jws.sign(b"payload", Key.from_jwk({**PRIVATE, "key_ops": ["sign"]}))


@pytest.mark.parametrize(
    "usage",
    [
        {"kid": 1},
        {"kid": None},
        {"kid": ["1"]},
        {"alg": 1},
        {"alg": None},
        {"use": 1},
        {"use": ["sig"]},
        {"key_ops": "verify"},
        {"key_ops": None},
        {"key_ops": [1]},
        {"key_ops": {"verify": 1}},
        {"key_ops": ["verify", "verify"]},
        {"use": "sig", "key_ops": ["encrypt"]},
        {"use": "sig", "key_ops": ["verify", "wrapKey"]},
        {"use": "enc", "key_ops": ["verify"]},
    ],
)
def test_usage_that_is_malformed_or_contradicts_itself_is_refused(usage: dict[str, Any]) -> None:
    """RFC 7517 §4.2 to §4.5."""
    with pytest.raises(JOSEError, match="invalid_key"):
        Key.from_jwk({**PUBLIC, **usage})


@pytest.mark.parametrize(
    ("private", "public"),
    [(None, None), (["sign"], ["verify"]), (["sign", "verify"], ["verify"]), (["deriveKey"], [])],
)
def test_the_public_part_may_verify_what_the_private_part_may_sign(
    private: list[str] | None, public: list[str] | None
) -> None:
    """RFC 7517 §4.3."""
    key = Key.from_jwk({**PRIVATE, **({} if private is None else {"key_ops": private})})
    assert key.to_jwk(private=True).get("key_ops") == private
    assert key.to_jwk().get("key_ops") == public
    assert key.public().to_jwk().get("key_ops") == public


def test_what_a_public_key_may_not_do_it_may_not_after_writing_either() -> None:
    """A public key for `sign` alone is useless, and stays so."""
    key = Key.from_jwk({**PUBLIC, "key_ops": ["sign"]})
    assert Key.from_jwk(key.to_jwk()).key_ops == ("sign",)


def test_usage_is_read_and_written() -> None:
    """Members that are not known are dropped (RFC 7517 §4)."""
    jwk = {**PUBLIC, "use": "sig", "key_ops": ["verify"], "x5t": "x", "exp": 1}
    key = Key.from_jwk(jwk)
    assert (key.kid, key.alg, key.use, key.key_ops) == ("1", "ES256", "sig", ("verify",))
    assert key.to_jwk() == {name: value for name, value in jwk.items() if name not in {"x5t", "exp"}}
