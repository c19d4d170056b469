"""A token whose header is known is judged like the first one with that header (design §6.4)."""

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
EXPECTED = Expectations(
    issuer=ISSUER.issuer,
    audiences=frozenset({ISSUER.audience}),
    algorithms=frozenset({"ES256"}),
    leeway=5,
    max_size=4096,
)
VALID = ISSUER.token(scopes=["todo:read"])
CLAIMS = strict_json.loads_object(jws.parse(VALID).payload)
HEADER = VALID.partition(".")[0]


def fresh() -> KeySet:
    """The issuer's keys, and nothing known."""
    return KeySet(ISSUER.keys)


def knowing() -> KeySet:
    """The same keys after a token."""
    keys = fresh()
    assert isinstance(check(VALID, keys, EXPECTED, CLOCK.now), Verified)
    assert HEADER.encode() in keys.known
    return keys


def outcome(token: str, keys: KeySet, *, expected: Expectations = EXPECTED, now: int = CLOCK.now) -> object:
    """Everything that a verdict says."""
    try:
        verdict = check(token, keys, expected, now)
    except InvalidToken as error:
        return error.code, error.claim, error.hint
    if isinstance(verdict, NeedKeys):
        return verdict
    return verdict.principal, dict(verdict.principal.claims), verdict.valid_from, verdict.valid_until


def signed(payload: bytes, **header: Any) -> str:
    """A token of the issuer's key that says anything."""
    return jws.sign(payload, ISSUER.signing_key, header={"typ": "at+jwt", **header})


_ANYTHING: list[Any] = [None, 0, -1, 1.5, "", "x", "a b", 'a" b', [], ["x"], {}, True, CLOCK.now + 5, CLOCK.now + 6]
_VALUES = st.sampled_from(_ANYTHING)
_MADE = st.fixed_dictionaries(
    {},
    optional={
        "aud": st.sampled_from([ISSUER.audience, [ISSUER.audience], [ISSUER.audience, "x"], "x", [], 1, ""]),
        "iss": st.sampled_from([ISSUER.issuer, ISSUER.issuer + "/", 1]),
        "exp": st.sampled_from([CLOCK.now - 5, CLOCK.now - 4, float(CLOCK.now + 9), 2**53, "1", None]),
        **dict.fromkeys(("iat", "nbf", "scope", "sid", "sub", "client_id", "jti", "other"), _VALUES),
    },
)


@settings(max_examples=300)
@given(changed=_MADE, absent=st.sets(st.sampled_from([*CLAIMS, "x"]), max_size=2), header=st.booleans())
def test_claims_are_judged_alike(changed: dict[str, Any], absent: set[str], *, header: bool) -> None:
    """RFC 9068 §4: whatever was signed, with the type that it should have and with none."""
    said = {name: value for name, value in {**CLAIMS, **changed}.items() if name not in absent}
    token = signed(msgspec.json.encode(said), **({} if header else {"typ": None}))
    assert outcome(token, knowing()) == outcome(token, fresh())


@settings(max_examples=300)
@given(data=st.data())
def test_a_changed_text_is_judged_alike(data: st.DataObject) -> None:
    """A character replaced, removed or inserted anywhere behind the header."""
    at = data.draw(st.integers(len(HEADER), len(VALID)))
    skipped = data.draw(st.integers(0, 1))
    put = data.draw(st.sampled_from(["", "A", "_", ".", "=", "+", " ", "é", "\0", "A" * 4096]))
    changed = VALID[:at] + put + VALID[at + skipped :]
    assert outcome(changed, knowing()) == outcome(changed, fresh())


def test_a_payload_is_json_of_one_meaning() -> None:
    """RFC 7515 §4: no name twice, also where the header is known."""
    text = msgspec.json.encode(CLAIMS)
    for payload in (text[:-1] + b',"sub":"eve"}', text[:-1] + b',"x":{"y":1,"y":2}}', text + b"x", b"[]", b"\xff"):
        found = outcome(signed(payload), knowing())
        assert isinstance(found, tuple)
        assert found[1] == "token"
        assert found == outcome(signed(payload), fresh())


def test_a_known_header_lets_in_no_algorithm_that_is_not_taken() -> None:
    """RFC 8725 §3.1: what is known is known to the keys, and verifiers with other expectations may share them."""
    keys = knowing()
    expected = msgspec.structs.replace(EXPECTED, algorithms=frozenset({"RS256"}))
    found = outcome(VALID, keys, expected=expected)
    assert isinstance(found, tuple)
    assert found[1] == "alg"
    assert found == outcome(VALID, fresh(), expected=expected)


def test_a_header_is_known_once_a_token_verified() -> None:
    """Or anybody could fill the memory, which is bounded all the same."""
    keys = fresh()
    outcome(f"{VALID[: VALID.rindex('.')]}.{base64url.encode(b'A' * 64)}", keys)
    outcome(signed(b"{}", kid="another"), keys)
    assert keys.known == {}
    for number in range(600):
        outcome(signed(b"{}", number=number), keys)
        assert 0 < len(keys.known) <= 256
    before = len(keys.known)
    kept_out: list[dict[str, Any]] = [{"x": []}, {"x": "x" * 1000}, {"jwk": Key.generate("ES256").public().to_jwk()}]
    for header in kept_out:
        outcome(signed(b"{}", **header), keys)
    assert len(keys.known) == before


def test_another_set_knows_nothing() -> None:
    """When a key goes, what was bound to it goes with its set."""
    keys = knowing()
    other = KeySet([Key.generate("ES256", kid=ISSUER.signing_key.kid)])
    assert outcome(VALID, keys) != outcome(VALID, other)
    assert other.known == {}


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt", "AT+JWT", "application/at+jwt", "logout+jwt"])
def test_a_type_is_judged_every_time(typ: str | None) -> None:
    """RFC 9068 §4: a known header may be that of another kind of token, which the same key signs."""
    keys = fresh()
    tokens = [signed(msgspec.json.encode({**CLAIMS, "jti": jti}), typ=typ) for jti in ("1", "2")]
    assert [outcome(token, keys) for token in tokens] == [outcome(token, fresh()) for token in tokens]
    assert tokens[0].partition(".")[0].encode() in keys.known


def test_claims_of_its_own_are_read_in_vain_once() -> None:
    """What a header's tokens hold is a guess that costs time alone: it is taken back, and verdicts stay the same."""
    keys = knowing()
    usual, more = signed(msgspec.json.encode(CLAIMS)), signed(msgspec.json.encode({**CLAIMS, "tenant": "t"}))
    header = HEADER.encode()
    for token, guess in ((usual, True), (more, False), (usual, False), (more, False)):
        assert outcome(token, keys) == outcome(token, fresh())
        assert keys.known[header][3] is guess
    keys.expect_any(b"unknown")
    assert b"unknown" not in keys.known


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", ISSUER.issuer + "/"),
        ("aud", "https://other.example"),
        ("exp", CLOCK.now - 5),
        ("iat", CLOCK.now + 6),
        ("nbf", CLOCK.now + 6),
        ("scope", "a  b"),
    ],
)
def test_a_wrong_claim_is_named_where_the_usual_is_expected(claim: str, value: object) -> None:
    """RFC 9068 §4: the header is known, everything but this claim is good, and so are all the types."""
    keys = knowing()
    token = signed(msgspec.json.encode({**CLAIMS, claim: value}))
    found = outcome(token, keys)
    assert isinstance(found, tuple)
    assert found[1] == claim
    assert found == outcome(token, fresh())
    assert keys.known[HEADER.encode()][3]


def test_a_repeated_claim_is_seen_where_the_usual_is_expected() -> None:
    """RFC 7515 §4: for each claim, each time the first with its header that is out of the usual."""
    text = msgspec.json.encode(CLAIMS)
    for name, value in CLAIMS.items():
        again = msgspec.json.encode({name: value})[1:]
        keys = knowing()
        found = outcome(signed(text[:-1] + b"," + again), keys)
        assert isinstance(found, tuple)
        assert found[:2] == ("invalid_token", "token")
