"""RFC 7797, JWS Unencoded Payload Option: understood for detached payloads, never in a JWT."""

from typing import Any

import pytest

from jotary.jose import JOSEError, Key, base64url, jws, jwt, strict_json

# §4: the key of RFC 7515 appendix A.1
KEY = Key.from_jwk(
    {"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}
)
HEADER = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19"
TOKEN = f"{HEADER}..A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY"
PAYLOAD = b"$.02"


def signed(members: dict[str, Any], payload: bytes = PAYLOAD) -> str:
    """A detached token over an unencoded payload, with a good signature."""
    header = base64url.encode(strict_json.dumps({"alg": "HS256", **members}))
    signature = KEY.signer("HS256")(header.encode() + b"." + payload)
    return f"{header}..{base64url.encode(signature)}"


def refused(token: str, code: str, payload: bytes | None = PAYLOAD) -> None:
    """The token is refused with this code."""
    with pytest.raises(JOSEError) as error:
        jws.verify(token, KEY, algorithms={"HS256"}, payload=payload)
    assert error.value.code == code


def test_the_example_of_section_4() -> None:
    """§4.2."""
    assert jws.verify(TOKEN, KEY, algorithms={"HS256"}, payload=PAYLOAD).payload == PAYLOAD
    assert jws.verify(jws.parse(TOKEN), KEY, algorithms={"HS256"}, payload=PAYLOAD).payload == PAYLOAD


@pytest.mark.parametrize("payload", [b"", b"$.03", b"$.02 ", base64url.encode_bytes(PAYLOAD)])
def test_another_payload_is_refused(payload: bytes) -> None:
    """§5: not even its base64url text."""
    refused(TOKEN, "bad_signature", payload)


def test_the_payload_is_passed_by_the_caller() -> None:
    """§5.2, §5.3: what the token carries instead is not taken, nor is nothing."""
    refused(TOKEN, "malformed", None)
    header, _, signature = TOKEN.split(".")
    refused(f"{header}.{base64url.encode(PAYLOAD)}.{signature}", "malformed")
    refused(f"{header}.{PAYLOAD.decode()}.{signature}", "malformed")
    refused(f"{header}.$02.{signature}", "bad_base64url", None)


@pytest.mark.parametrize("members", [{"b64": False}, {"b64": False, "crit": ["x"], "x": 1}])
def test_unencoded_is_critical(members: dict[str, Any]) -> None:
    """§6: else who does not know the extension would verify another payload."""
    refused(signed(members), "unsupported_critical_header" if "crit" in members else "malformed")


@pytest.mark.parametrize("value", [None, 0, 1, "false", [], {}])
def test_the_value_is_true_or_false(value: object) -> None:
    """§3."""
    refused(signed({"b64": value, "crit": ["b64"]}), "malformed")
    refused(signed({"b64": value}), "malformed")


def test_encoded_may_be_said_too() -> None:
    """§3: `true` is the default, with or without `crit`."""
    for members in ({"b64": True}, {"b64": True, "crit": ["b64"]}):
        token = jws.sign(PAYLOAD, KEY, header={"alg": "HS256", **members})
        assert jws.verify(token, KEY, algorithms={"HS256"}).payload == PAYLOAD
        assert jws.verify(detached(token), KEY, algorithms={"HS256"}, payload=PAYLOAD).payload == PAYLOAD
    refused(signed({"b64": True, "crit": ["b64"]}), "bad_signature")


def test_a_jwt_is_never_unencoded() -> None:
    """§7: with a good signature over its empty payload, over claims, and taken apart before."""
    for payload in (b"", b"{}"):
        token = signed({"b64": False, "crit": ["b64"]}, payload)
        for form in (token, jws.parse(token)):
            with pytest.raises(JOSEError, match=r"malformed.*RFC 7797 §7"):
                jwt.verify(form, KEY, algorithms={"HS256"}, typ=None)


def detached(token: str) -> str:
    """The token without its payload."""
    header, _, signature = token.split(".")
    return f"{header}..{signature}"
