"""The checks in the order in which the verifier makes them (`verifier/check.py`), and where each rule stands."""

from typing import Final

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One row.

    Attributes:
        name: of a claim or header member where the check is about one.
        standard: where the rule stands.
        expected: what would pass, where that does not depend on who asks.
        advice: what usually mends it, where the refusal itself does not say.
    """

    name: str
    standard: str
    expected: str
    advice: str


_ROWS: Final = (
    Check("size", "RFC 9110 §5.4", "", "Put fewer claims in the token: it travels in a header."),
    Check("form", "RFC 7515 §3.1", "3 parts with dots between", "Send the whole access token, and nothing else."),
    Check("header_base64url", "RFC 7515 §2", "base64url without padding", "Copy the token alone: no quotes or spaces."),
    Check("header_json", "RFC 7515 §4", "a JSON object, each name once", "Copy the token again, from its beginning."),
    Check("header", "RFC 7515 §4.1", "'alg' is there; alg, kid, typ and cty are strings", "Mend it at the issuer."),
    Check("crit", "RFC 7515 §4.1.11", "no extension that is not understood", "Have the issuer leave 'crit' out."),
    Check("payload_base64url", "RFC 7515 §2", "base64url without padding", "Copy the token again, without spaces."),
    Check("signature_base64url", "RFC 7515 §2", "base64url without padding", "Copy the token again, to its end."),
    Check("b64", "RFC 7797 §7", "a payload in base64url", "Have the issuer leave 'b64' out: a JWT has no use for it."),
    Check("alg", "RFC 7515 §4.1.1, RFC 8725 §3.1", "", "Have the issuer sign with an algorithm that its keys are for."),
    Check("kid", "RFC 7515 §4.1.4, RFC 7517 §4.5", "a key that the issuer publishes", "Look whose token this is."),
    Check("signature", "RFC 7515 §5.2", "made with that key", "Look whether the token was changed, or is another's."),
    Check("payload_json", "RFC 7519 §7.2", "a JSON object, each name once", "Send a JWT, not other signed data."),
    Check("typ", "RFC 9068 §2.1, §4", "at+jwt", "Have the issuer make access tokens as RFC 9068 says."),
    Check("iss", "RFC 7519 §4.1.1, RFC 9068 §4", "", "Name the same issuer at the API, to the last slash."),
    Check("aud", "RFC 7519 §4.1.3, RFC 9068 §4", "", "The parameter for it is 'resource' (RFC 8707)."),
    Check("exp", "RFC 7519 §4.1.4", "", "If it is new, compare the clocks."),
    Check("nbf", "RFC 7519 §4.1.5", "", ""),
    Check("iat", "RFC 7519 §4.1.6, RFC 9068 §2.2", "", ""),
    Check("sub", "RFC 9068 §2.2", "a string that is not empty", "Have the issuer say who the token is about."),
    Check("client_id", "RFC 9068 §2.2", "a string that is not empty", "Have the issuer name the client."),
    Check("jti", "RFC 9068 §2.2", "a string that is not empty", "Have the issuer give each token its own id."),
    Check("scope", "RFC 8693 §4.2, RFC 9068 §2.2.3", "absent, or a string of values", "Mend it at the issuer."),
    Check("sid", "OpenID Connect Front-Channel Logout §3", "absent, or a string", "Mend it at the issuer."),
    Check("revoked", "RFC 7009 §3", "no cut-off of the issuer names it", "Sign in again."),
)

CHECKS: Final = {row.name: row for row in _ROWS}
