"""The verdict on a token, as a pure function (RFC 9068 §4)."""

import hmac
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jotary.jose import Key, KeySet, base64url, jws, strict_json
from jotary.testing import FrozenClock, TestIssuer
from jotary.verifier.check import Expectations, NeedKeys, Verified, check
from jotary.verifier.errors import InvalidToken

CLOCK = FrozenClock()
ISSUER = TestIssuer(clock=CLOCK)
KEYS = ISSUER.keys
EXPECTED = Expectations(
    issuer=ISSUER.issuer,
    audiences=frozenset({ISSUER.audience}),
    algorithms=frozenset({"ES256"}),
    leeway=5,
    max_size=8192,
)
VALID = ISSUER.token(scopes=["todo:read"])


def taking(*algorithms: str) -> Expectations:
    """The same expectations, but for the algorithms."""
    return msgspec.structs.replace(EXPECTED, algorithms=frozenset(algorithms))


def verdict(token: Any, *, keys: KeySet = KEYS, expected: Expectations = EXPECTED, now: int = CLOCK.now) -> Verified:
    """The token passes."""
    outcome = check(token, keys, expected, now)
    assert isinstance(outcome, Verified)
    return outcome


def refused(
    token: Any, *, keys: KeySet = KEYS, expected: Expectations = EXPECTED, now: int = CLOCK.now
) -> InvalidToken:
    """The token is refused; why."""
    with pytest.raises(InvalidToken) as caught:
        check(token, keys, expected, now)
    assert caught.value.code == "invalid_token"
    return caught.value


def test_a_good_token_gives_its_principal() -> None:
    """RFC 9068 §2.2: every claim where a handler looks for it."""
    token = ISSUER.token(
        "ada", scopes=["a", "b"], client_id="web", session_id="s1", jti="j1", aud=[ISSUER.audience, "x"]
    )
    principal = verdict(token).principal
    assert (principal.subject, principal.client_id, principal.session_id, principal.jti) == ("ada", "web", "s1", "j1")
    assert principal.scopes == {"a", "b"}
    assert principal.audience == (ISSUER.audience, "x")
    assert (principal.issuer, principal.issued_at, principal.expires_at) == (ISSUER.issuer, CLOCK.now, CLOCK.now + 300)


def test_a_token_of_client_credentials_has_no_session() -> None:
    """RFC 9068 §2.2: the subject is the client."""
    principal = verdict(ISSUER.token("service", client_id="service", session_id=None)).principal
    assert (principal.subject, principal.session_id, principal.scopes) == ("service", None, frozenset())


@settings(max_examples=400)
@given(data=st.data())
def test_no_mutation_of_a_valid_token_passes(data: st.DataObject) -> None:
    """One character replaced, removed or inserted anywhere, also where base64url has unused bits."""
    at = data.draw(st.integers(0, len(VALID) - 1))
    kind = data.draw(st.sampled_from(["replace", "remove", "insert", "cut"]))
    character = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é"))
    mutated = {
        "replace": VALID[:at] + character + VALID[at + 1 :],
        "remove": VALID[:at] + VALID[at + 1 :],
        "insert": VALID[:at] + character + VALID[at:],
        "cut": VALID[:at],
    }[kind]
    if mutated != VALID:
        with suppress(InvalidToken):
            assert isinstance(check(mutated, KEYS, EXPECTED, CLOCK.now), NeedKeys)  # its kid is another one


def test_a_token_of_another_key_is_refused() -> None:
    """The signature is what counts, not the kid."""
    forged = ISSUER.token(key=Key.generate("ES256", kid=ISSUER.signing_key.kid))
    assert refused(forged).claim == "signature"


def test_the_signatures_of_two_good_tokens_cannot_be_exchanged() -> None:
    """Each covers its own payload."""
    one, two = ISSUER.token("ada").rsplit(".", 1), ISSUER.token("eve").rsplit(".", 1)
    assert refused(f"{one[0]}.{two[1]}").claim == "signature"


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "Bearer x", "é.é.é", "\0", "e30.e30.", "bnVsbA.e30.AA"],
)
def test_what_is_no_signed_jwt_is_refused(text: str) -> None:
    """RFC 7515 §3.1."""
    assert refused(text).claim == "token"


@pytest.mark.parametrize("value", [None, 7, b"a.b.c", ["a.b.c"]])
def test_what_is_no_text_is_refused(value: Any) -> None:
    """A missing header passed on is an invalid token, not a crash."""
    assert refused(value).claim == "token"


def test_a_token_that_is_too_long_is_refused_before_it_is_decoded() -> None:
    """Design §9; a good token, so that nothing but its length speaks against it."""
    token = ISSUER.token(padding="x" * 9000)
    assert "longer than 8192" in refused(token).hint


def test_an_unsecured_token_is_refused() -> None:
    """RFC 9068 §4: alg none never."""
    header = base64url.encode(b'{"alg":"none","typ":"at+jwt"}')
    for signature in ("", VALID.rsplit(".", 1)[1]):
        assert refused(f"{header}.{VALID.split('.')[1]}.{signature}").claim == "alg"


def test_a_public_key_is_no_secret_to_sign_with() -> None:
    """RFC 8725 §2.1: HS256 with the published key as the secret."""
    header = base64url.encode(f'{{"alg":"HS256","typ":"at+jwt","kid":"{ISSUER.signing_key.kid}"}}'.encode())
    message = f"{header}.{VALID.split('.')[1]}"
    tag = hmac.digest(ISSUER.signing_key.to_pem().encode(), message.encode(), "sha256")
    token = f"{message}.{base64url.encode(tag)}"
    assert refused(token).claim == "alg"
    assert refused(token, expected=taking("ES256", "HS256")).claim == "alg"  # even if somebody let HS256 through


def test_an_algorithm_that_is_not_taken_is_refused() -> None:
    """RFC 8725 §3.1; the key is published and good."""
    other = TestIssuer(clock=CLOCK, algorithm="EdDSA")
    assert refused(other.token(), keys=other.keys).claim == "alg"


def test_a_key_of_another_algorithm_is_refused() -> None:
    """RFC 8725 §3.1: the key's own algorithm decides, not the token's header."""
    rsa, published = Key.generate("RS256", kid="r"), Key.generate("EdDSA", kid="r")
    token = ISSUER.token(key=rsa)
    assert refused(token, keys=KeySet([published]), expected=taking("RS256", "EdDSA")).claim == "alg"


def test_an_unknown_kid_needs_keys() -> None:
    """Perhaps it is new: the caller decides whether to fetch."""
    assert isinstance(check(ISSUER.token(header={"kid": "new"}), KEYS, EXPECTED, CLOCK.now), NeedKeys)


def test_without_a_kid_the_only_fitting_key_is_taken() -> None:
    """RFC 7515 §4.1.4: the kid is optional; with two keys that fit, none is guessed."""
    token = ISSUER.token(header={"kid": None})
    assert verdict(token).principal.subject == "person-1"
    both = KeySet([ISSUER.signing_key, Key.generate("ES256")])
    assert isinstance(check(token, both, EXPECTED, CLOCK.now), NeedKeys)


@pytest.mark.parametrize(
    "member",
    [{"jwk": ISSUER.signing_key.to_jwk()}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example"}],
)
def test_keys_that_the_token_brings_are_not_looked_at(member: dict[str, Any]) -> None:
    """RFC 8725 §3.10: a forger's own key verifies the forger's token."""
    forger = Key.generate("ES256", kid=ISSUER.signing_key.kid)
    token = ISSUER.token(key=forger, header={**member, **({"jwk": forger.to_jwk()} if "jwk" in member else {})})
    assert refused(token).claim == "signature"


def test_a_critical_extension_that_is_not_understood_is_refused() -> None:
    """RFC 7515 §4.1.11."""
    head, payload, signature = VALID.split(".")
    forged = base64url.decode(head)[:-1] + b',"crit":["exp"],"exp":1}'
    assert refused(f"{base64url.encode(forged)}.{payload}.{signature}").claim == "crit"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_the_type_is_a_media_type(typ: str) -> None:
    """RFC 9068 §4, RFC 7515 §4.1.9: case does not count, and application/ may stand before."""
    verdict(ISSUER.token(header={"typ": typ}))


@pytest.mark.parametrize("typ", [None, "", "JWT", "jwt", "at+jwtx", "text/at+jwt", "at", "logout+jwt", "dpop+jwt"])
def test_another_type_is_refused(typ: str | None) -> None:
    """RFC 9068 §4, RFC 8725 §3.11."""
    error = refused(ISSUER.token(header={"typ": typ}))
    assert error.claim == "typ"
    assert "at+jwt" in error.hint


def test_an_id_token_is_refused_and_named() -> None:
    """RFC 9068 §5: the most common mistake deserves its own words."""
    error = refused(ISSUER.id_token())
    assert (error.claim, "ID token" in error.hint) == ("typ", True)


def test_an_id_token_for_this_api_is_still_an_id_token() -> None:
    """RFC 9068 §5: not even if its audience, scope and client fit."""
    token = ISSUER.id_token(aud=ISSUER.audience, scope="todo:read", client_id="client-1", jti="j")
    assert "ID token" in refused(token).hint


def test_an_id_token_without_nonce_is_recognised_by_what_it_lacks() -> None:
    """OIDC Core §2: the nonce is optional; an access token names its client or a scope."""
    payload = b'{"iss":"x","sub":"y","aud":"z","exp":1,"iat":1}'
    assert "ID token" in refused(ISSUER.sign(payload, header={"typ": "JWT"})).hint


REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"]


@pytest.mark.parametrize("claim", REQUIRED)
def test_a_required_claim_must_be_there(claim: str) -> None:
    """RFC 9068 §2.2."""
    assert refused(ISSUER.token(without=[claim])).claim == claim


TEXTS = ["iss", "sub", "jti", "client_id", "sid"]
TIMES = ["exp", "iat", "nbf"]
WRONG_TEXTS = [None, True, 7, 1.5, "", [], ["x"], {}, {"x": 1}]
WRONG_TIMES: list[Any] = [None, True, False, "", "1800000000", [], [1800000000], {}, -1, 1e300]


@pytest.mark.parametrize("claim", TEXTS)
@pytest.mark.parametrize("value", WRONG_TEXTS, ids=repr)
def test_a_text_of_another_type_is_refused(claim: str, value: Any) -> None:
    """RFC 7519 §4.1, RFC 9068 §2.2: named, and never a crash."""
    assert refused(ISSUER.token(**{claim: value})).claim == claim


@pytest.mark.parametrize("claim", TIMES)
@pytest.mark.parametrize("value", WRONG_TIMES, ids=repr)
def test_a_time_of_another_type_is_refused(claim: str, value: Any) -> None:
    """RFC 7519 §2, NumericDate: named, and never a crash."""
    assert refused(ISSUER.token(**{claim: value})).claim == claim


@pytest.mark.parametrize("value", [None, True, 7, "", [], [7], [""], [None], [[]], {}, {"x": 1}, [ISSUER.audience, 7]])
def test_an_audience_of_another_type_is_refused(value: Any) -> None:
    """RFC 7519 §4.1.3."""
    assert refused(ISSUER.token(aud=value)).claim == "aud"


@pytest.mark.parametrize("value", [None, True, 7, ["todo:read"], {}, " ", "a  b", " a", "a\tb", 'a"b', "é"])
def test_a_malformed_scope_is_refused(value: Any) -> None:
    """RFC 8693 §4.2, RFC 6749 §3.3."""
    assert refused(ISSUER.token(scope=value)).claim == "scope"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(claim=st.sampled_from([*REQUIRED, "nbf", "sid", "scope"]), value=JSON)
def test_no_claim_can_crash_the_check(claim: str, value: Any) -> None:
    """Whatever an issuer signs: a verdict, and the claim named if it is the reason."""
    try:
        verdict(ISSUER.token(**{claim: value}))
    except InvalidToken as error:
        reasons = {error.claim}
    else:
        reasons = set()
    assert reasons <= {claim}


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b"7", b'"x"', b"{", b"\xff", b'{"iss":"a","iss":"b"}', b"{}x"]
)
def test_a_payload_that_is_no_json_object_is_refused(payload: bytes) -> None:
    """RFC 7519 §7.2; RFC 7519 §4: a name that occurs twice has two meanings."""
    assert refused(ISSUER.sign(payload, header={"typ": "at+jwt"})).claim == "token"


@pytest.mark.parametrize(
    "issuer", [ISSUER.issuer + "/", ISSUER.issuer.upper(), "http" + ISSUER.issuer[5:], "https://evil.example"]
)
def test_the_issuer_is_compared_byte_for_byte(issuer: str) -> None:
    """RFC 7519 §4.1.1, RFC 9068 §4."""
    assert refused(ISSUER.token(iss=issuer)).claim == "iss"


@pytest.mark.parametrize(
    "audience", ["https://other.example", ISSUER.audience + "/", ["a", "b"], [ISSUER.audience[:-1]]]
)
def test_a_token_for_another_api_is_refused(audience: str | list[str]) -> None:
    """RFC 9068 §4: or one API could use its callers' tokens at another one."""
    assert refused(ISSUER.token(aud=audience)).claim == "aud"


@pytest.mark.parametrize(
    ("times", "passes"),
    [
        ({"exp": 5 - 4}, True),  # it has expired, within the leeway
        ({"exp": -4}, True),
        ({"exp": -5}, False),  # RFC 7519 §4.1.4: "on or after"
        ({"exp": -4.5}, True),
        ({"nbf": 5}, True),
        ({"nbf": 6}, False),
        ({"iat": 5}, True),
        ({"iat": 6}, False),
    ],
)
def test_times_are_held_to_the_second(times: dict[str, float], *, passes: bool) -> None:
    """RFC 7519 §4.1.4 to §4.1.6, with a leeway of 5 seconds."""
    claims: dict[str, Any] = {name: CLOCK.now + seconds for name, seconds in times.items()}
    token = ISSUER.token(**claims)
    if passes:
        verdict(token)
    else:
        assert refused(token).claim == next(iter(times))


@given(exp=st.integers(-20, 400), nbf=st.none() | st.integers(-20, 20), later=st.integers(-30, 420))
def test_the_time_for_which_a_verdict_holds_agrees_with_the_verdict(exp: int, nbf: int | None, later: int) -> None:
    """Design §6.4: a remembered token is accepted exactly when the token itself would be."""
    claims: dict[str, Any] = {"exp": CLOCK.now + exp, "iat": CLOCK.now - 100}
    if nbf is not None:
        claims["nbf"] = CLOCK.now + nbf
    token = ISSUER.token(**claims)
    try:
        first = check(token, KEYS, EXPECTED, CLOCK.now)
    except InvalidToken:
        return
    assert isinstance(first, Verified)
    now = CLOCK.now + later
    remembered = first.valid_from <= now < first.valid_until
    try:
        check(token, KEYS, EXPECTED, now)
    except InvalidToken:
        assert not remembered
    else:
        assert remembered


def test_a_hint_holds_nothing_of_the_token() -> None:
    """It is sent to whoever sent the token, and logged."""
    for token in (VALID[:-4] + "AAAA", ISSUER.token(iss="https://evil.example/<script>"), ISSUER.token(aud="evil-aud")):
        hint = refused(token).hint
        assert "evil" not in hint
        assert not any(part in hint for part in token.split("."))


def test_a_payload_that_is_not_encoded_is_refused() -> None:
    """RFC 7797 §7: no JWT may have one; this one's signature holds over the text that stands in the token."""
    key = Key.generate("ES256", kid="k")
    keys = KeySet([key])
    payload = base64url.decode(VALID.split(".")[1])
    for extension in ({"b64": True, "crit": ["b64"]}, {"b64": False, "crit": ["b64"]}):
        header = strict_json.dumps({"alg": "ES256", "kid": "k", "typ": "at+jwt", **extension})
        token = jws.sign_with(payload, key, "ES256", base64url.encode_bytes(header))
        if extension["b64"]:
            verdict(token, keys=keys)
        else:
            assert refused(token, keys=keys).claim == "token"
