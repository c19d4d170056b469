"""RFC 7515, JSON Web Signature: the rules for a compact token's header, parts and validation."""

from typing import Any

import pytest

from jotary.jose import JOSEError, Key, base64url, jws, strict_json

# Appendix A.3
KEY = Key.from_jwk(
    {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    }
)
PAYLOAD = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
TOKEN = (
    f"eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


def with_header(header: bytes | dict[str, Any]) -> str:
    """A token with any header and a good signature over it."""
    text = header if isinstance(header, bytes) else strict_json.dumps(header)
    return jws.sign_with(b"payload", KEY, "ES256", base64url.encode_bytes(text))


def refused(token: str, code: str) -> None:
    """The token is refused with this code."""
    with pytest.raises(JOSEError) as error:
        jws.verify(token, KEY, algorithms={"ES256"})
    assert error.value.code == code


def test_the_example_of_appendix_a3() -> None:
    """Appendix A.3.2."""
    payload = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
    assert jws.verify(TOKEN, KEY, algorithms={"ES256"}).payload == payload


@pytest.mark.parametrize("algorithms", [{"ES256"}, {"none"}, {"none", "ES256"}])
def test_the_unsecured_example_of_appendix_a5_is_refused(algorithms: set[str]) -> None:
    """Appendix A.5 and §3.6 of RFC 7518."""
    with pytest.raises(JOSEError, match="unsupported_algorithm"):
        jws.verify(f"eyJhbGciOiJub25lIn0.{PAYLOAD}.", KEY, algorithms=algorithms)


def test_base64url_of_appendix_c() -> None:
    """Appendix C."""
    assert base64url.encode(bytes([3, 236, 255, 224, 193])) == "A-z_4ME"
    assert base64url.decode("A-z_4ME") == bytes([3, 236, 255, 224, 193])


def test_a_detached_payload_of_appendix_f() -> None:
    """Appendix F: the payload is taken out, and put back by who verifies."""
    header, _, signature = TOKEN.split(".")
    payload = base64url.decode(PAYLOAD)
    detached = f"{header}..{signature}"
    assert jws.verify(detached, KEY, algorithms={"ES256"}, payload=payload).payload == payload
    refused(detached, "bad_signature")
    with pytest.raises(JOSEError, match=r"malformed.*has its own"):
        jws.verify(TOKEN, KEY, algorithms={"ES256"}, payload=payload)


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"ES256","alg":"ES256"}',
        b'{"alg":"none","\\u0061lg":"ES256"}',
        b'{"alg":"ES256","x":{"y":1,"y":1}}',
        b'["ES256"]',
        b'"ES256"',
        b"ES256",
        b"",
        b'{"alg":"ES256"',
        b'{"alg":"ES256"}}',
        b'\xef\xbb\xbf{"alg":"ES256"}',
        b'{"alg":"ES256","x":"\xff"}',
    ],
)
def test_the_header_is_one_json_object_without_repeated_names(header: bytes) -> None:
    """§4 and §5.2 steps 2 and 3."""
    refused(with_header(header), "bad_json")


def test_white_space_in_the_header_is_part_of_what_is_signed() -> None:
    """§5.2: it is taken, since the octets and not the JSON are signed."""
    token = with_header(b' {\r\n "alg" : "ES256" }\t')
    assert jws.verify(token, KEY, algorithms={"ES256"}).header == {"alg": "ES256"}
    refused(".".join([with_header({"alg": "ES256"}).split(".")[0], *token.split(".")[1:]]), "bad_signature")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"kid": "1"},
        {"alg": None},
        {"alg": 1},
        {"alg": ["ES256"]},
        {"ALG": "ES256"},
        {"alg": "ES256", "kid": 1},
        {"alg": "ES256", "kid": None},
        {"alg": "ES256", "typ": ["JWT"]},
        {"alg": "ES256", "cty": 1},
    ],
)
def test_header_members_have_their_types(members: dict[str, Any]) -> None:
    """§4.1.1 (`alg` must be there), §4.1.4, §4.1.9, §4.1.10."""
    refused(with_header(members), "malformed")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"crit": ["exp"], "exp": 1}, "unsupported_critical_header"),
        ({"crit": ["x"]}, "unsupported_critical_header"),
        ({"crit": ["alg"]}, "unsupported_critical_header"),
        ({"crit": ["kid"], "kid": "1"}, "unsupported_critical_header"),
        ({"crit": ["b64", "x"], "b64": True, "x": 1}, "unsupported_critical_header"),
        ({"crit": ["b64", "b64"], "b64": True}, "unsupported_critical_header"),
        ({"crit": ["B64"], "B64": True}, "unsupported_critical_header"),
        ({"crit": ["b64"]}, "malformed"),
        ({"crit": []}, "malformed"),
        ({"crit": None}, "malformed"),
        ({"crit": "b64", "b64": True}, "malformed"),
        ({"crit": {"b64": True}, "b64": True}, "malformed"),
        ({"crit": [1]}, "malformed"),
        ({"crit": [["b64"]], "b64": True}, "malformed"),
        ({"crit": True}, "malformed"),
    ],
)
def test_critical_members_that_are_not_understood_are_refused(members: dict[str, Any], code: str) -> None:
    """§4.1.11: a list that is not empty, of names that are there, are no standard names and are all understood."""
    refused(with_header({"alg": "ES256", **members}), code)


def test_members_that_are_not_understood_and_not_critical_are_ignored() -> None:
    """§4."""
    members = {"alg": "ES256", "x": 1, "enc": "A256GCM", "zip": "DEF", "exp": 0}
    assert jws.verify(with_header(members), KEY, algorithms={"ES256"}).header == members


def test_the_protected_header_alone_decides() -> None:
    """§5.2: another header with the same meaning does not verify."""
    token = with_header({"alg": "ES256", "kid": "1"})
    other = base64url.encode(strict_json.dumps({"kid": "1", "alg": "ES256"}))
    refused(".".join([other, *token.split(".")[1:]]), "bad_signature")
