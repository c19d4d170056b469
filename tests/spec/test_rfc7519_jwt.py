"""RFC 7519, JSON Web Token: creating, validating, and what the registered claims mean."""

import pytest

from jotary.jose import JOSEError, Key, jws, jwt
from jotary.tokens import claims as checks
from jotary.tokens.errors import TokenError

# RFC 7515 appendix A.1, whose key signed the token of RFC 7519 §3.1
KEY = Key.from_jwk(
    {"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}
)
TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
EXPIRY = 1300819380


def test_the_example_of_section_3() -> None:
    """§3.1."""
    verified = jwt.verify(TOKEN, KEY, algorithms={"HS256"}, typ="JWT")
    assert verified.header == {"typ": "JWT", "alg": "HS256"}
    assert verified.claims == {"iss": "joe", "exp": EXPIRY, "http://example.com/is_root": True}
    checks.check_issuer(verified.claims, "joe")
    checks.check_expiry(verified.claims, now=EXPIRY - 1, leeway=0)
    with pytest.raises(TokenError, match="expired"):
        checks.check_expiry(verified.claims, now=EXPIRY, leeway=0)


def test_the_unsecured_example_of_section_6_is_refused() -> None:
    """§6.1: `none` does not exist here."""
    token = "eyJhbGciOiJub25lIn0." + TOKEN.split(".")[1] + "."
    with pytest.raises(JOSEError, match="unsupported_algorithm"):
        jwt.verify(token, KEY, algorithms={"HS256", "none"}, typ=None)


def test_a_nested_token_is_no_set_of_claims() -> None:
    """§7.2 step 8, with `cty`: a token inside a token is not opened."""
    nested = jws.sign(TOKEN.encode(), KEY, header={"alg": "HS256", "cty": "JWT"})
    with pytest.raises(JOSEError, match="bad_json"):
        jwt.verify(nested, KEY, algorithms={"HS256"}, typ=None)


def test_claims_that_are_not_understood_are_ignored() -> None:
    """§4."""
    claims = {"anything": {"at": ["all", None]}, "exp": 2**40}
    token = jwt.sign(claims, KEY, typ="JWT", header={"alg": "HS256"})
    assert jwt.verify(token, KEY, algorithms={"HS256"}, typ="JWT").claims == claims


def test_no_claim_is_required() -> None:
    """§4.1: which ones are is the profile's business."""
    token = jwt.sign({}, KEY, typ="JWT", header={"alg": "HS256"})
    assert jwt.verify(token, KEY, algorithms={"HS256"}, typ="JWT").claims == {}


def test_claims_in_the_header_are_no_claims() -> None:
    """§5.3: copies in the header are only for who cannot read the claims."""
    token = jwt.sign({"iss": "a"}, KEY, typ="JWT", header={"alg": "HS256", "iss": "b", "exp": 0})
    assert jwt.verify(token, KEY, algorithms={"HS256"}, typ="JWT").claims == {"iss": "a"}
