from typing import Any

import pytest

from jotary.jose import JOSEError, Key, KeySet, VerifiedToken, base64url, jws, jwt, strict_json

KEY = Key.generate("ES256", kid="1")
CLAIMS: dict[str, Any] = {"iss": "https://id.example", "sub": "1", "aud": ["a", "b"], "exp": 2, "nbf": 1.5, "iat": 0}


def verified(token: str, typ: Any = None) -> VerifiedToken:
    """The token, verified."""
    return jwt.verify(token, KEY, algorithms={"ES256"}, typ=typ)


def refused(token: str, code: str, typ: Any = None) -> None:
    """The token is refused with this code, and nothing hangs behind the refusal."""
    with pytest.raises(JOSEError) as error:
        verified(token, typ)
    assert error.value.code == code
    assert error.value.__context__ is None


def signed(payload: bytes, **members: Any) -> str:
    """A JWS over any payload."""
    return jws.sign(payload, KEY, header=members)


def test_what_is_signed_verifies() -> None:
    """RFC 7519 §7: claims and header come back as they went in."""
    token = jwt.sign(CLAIMS, KEY, typ="at+jwt", header={"x": 1})
    for key in (KEY, KEY.public(), KeySet([KEY])):
        for form in (token, token.encode(), jws.parse(token)):
            result = jwt.verify(form, key, algorithms={"ES256"}, typ="at+jwt")
            assert result.claims == CLAIMS
            assert result.header == {"alg": "ES256", "kid": "1", "typ": "at+jwt", "x": 1}
            assert repr(result) == "<VerifiedToken typ='at+jwt'>"


def test_the_caller_names_the_type() -> None:
    """RFC 8725 §3.11: a header member cannot take its place."""
    assert jws.parse(jwt.sign({}, KEY, typ="a", header={"typ": "b"})).header["typ"] == "a"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
@pytest.mark.parametrize("expected", ["at+jwt", "application/at+jwt", "At+Jwt", ["JWT", "at+jwt"], {"AT+JWT"}])
def test_types_are_media_types(typ: str, expected: Any) -> None:
    """RFC 7515 §4.1.9: case does not count, and `application/` may be left out."""
    assert verified(jwt.sign({}, KEY, typ=typ), expected).claims == {}


@pytest.mark.parametrize(
    "typ", ["JWT", "", "at+jwt ", "at", "text/at+jwt", "application/application/at+jwt", "at+jwt;a=b"]
)
@pytest.mark.parametrize("expected", ["at+jwt", ["at+jwt", "logout+jwt"], set()])
def test_other_types_are_refused(typ: str, expected: Any) -> None:
    """RFC 8725 §3.11: a token of one kind is not taken for another."""
    refused(jwt.sign({}, KEY, typ=typ), "wrong_type", expected)


def test_a_type_is_needed_unless_none_is_expected() -> None:
    """RFC 8725 §3.11."""
    refused(signed(b"{}"), "wrong_type", "JWT")
    refused(signed(b"{}"), "wrong_type", ["JWT", ""])
    assert verified(signed(b"{}"), None).claims == {}
    assert verified(jwt.sign({}, KEY, typ="anything"), None).claims == {}


@pytest.mark.parametrize("payload", [b"", b"[]", b'"{}"', b"1", b"null", b'{"a":1,"a":1}', b"{", b'{"a":NaN}', b"\xff"])
def test_claims_are_one_json_object(payload: bytes) -> None:
    """RFC 7519 §7.2: and a name occurs once (§4)."""
    refused(signed(payload), "bad_json")


def test_claims_are_not_read_before_the_signature() -> None:
    """What is not proved is not parsed."""
    token = signed(b"not JSON")
    forged = token[: token.rindex(".") + 1] + base64url.encode(b"A" * 64)
    refused(forged, "bad_signature")


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1", None, True, False, [], {}])
def test_times_are_numbers(name: str, value: Any) -> None:
    """RFC 7519 §2 (NumericDate): and `true` is no number."""
    refused(signed(strict_json.dumps({**CLAIMS, name: value})), "bad_claim")
    with pytest.raises(JOSEError, match="bad_claim"):
        jwt.sign({**CLAIMS, name: value}, KEY, typ="JWT")


@pytest.mark.parametrize("name", ["iss", "sub", "jti"])
@pytest.mark.parametrize("value", [1, None, True, [], ["a"], {}])
def test_names_are_strings(name: str, value: Any) -> None:
    """RFC 7519 §4.1."""
    refused(signed(strict_json.dumps({**CLAIMS, name: value})), "bad_claim")
    with pytest.raises(JOSEError, match="bad_claim"):
        jwt.sign({**CLAIMS, name: value}, KEY, typ="JWT")


@pytest.mark.parametrize("value", [1, None, True, {}, {"a": 1}, [1], ["a", None], [["a"]]])
def test_the_audience_is_a_string_or_a_list_of_strings(value: Any) -> None:
    """RFC 7519 §4.1.3."""
    refused(signed(strict_json.dumps({**CLAIMS, "aud": value})), "bad_claim")
    with pytest.raises(JOSEError, match="bad_claim"):
        jwt.sign({**CLAIMS, "aud": value}, KEY, typ="JWT")


def test_what_is_no_claim_is_not_signed() -> None:
    """A claim that would be read otherwise than it was written."""
    for value in (float("nan"), b"bytes", ("a",), 2**63):
        with pytest.raises(JOSEError, match="bad_json"):
            jwt.sign({"x": value}, KEY, typ="JWT")
