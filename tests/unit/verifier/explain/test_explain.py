"""Every check has a token that breaks it alone, and the verdict is always the verifier's own (RFC 9068 §4)."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jotary.jose import Key, KeySet, base64url, jws, strict_json
from jotary.testing import FrozenClock, TestIssuer
from jotary.testing.broken_tokens import broken_tokens
from jotary.verifier import InvalidToken, Revocation, RevocationList, Revocations
from jotary.verifier.explain import CHECKS, Circumstances, Explanation, NoKeys, explain
from jotary.verifier.explain.display import sentence

CLOCK = FrozenClock()
ISSUER = TestIssuer(clock=CLOCK)
VALID = ISSUER.token(scopes=["todo:read"], nbf=CLOCK.now)
HEADER, PAYLOAD, SIGNATURE = VALID.split(".")
KNOWN = Circumstances(issuer=ISSUER.issuer, audiences=frozenset({ISSUER.audience}), keys=ISSUER.keys)
SIGNED_OUT = RevocationList(
    [Revocation(kind="sid", value="session-1", issued_before=CLOCK.now, expires_at=CLOCK.now + 600)]
)


def with_header(text: bytes, payload: str = PAYLOAD) -> str:
    """A token with a header of one's own, under a signature that fits it."""
    return jws.sign_with(base64url.decode(payload), ISSUER.signing_key, "ES256", base64url.encode_bytes(text))


def changed(**members: Any) -> str:
    """A token with changed header members, under a signature that fits them."""
    header = {"alg": "ES256", "typ": "at+jwt", "kid": ISSUER.signing_key.kid, **members}
    return with_header(json.dumps({name: value for name, value in header.items() if value is not None}).encode())


#: By the check that it breaks, and breaks alone.
CORPUS: dict[str, str] = {**broken_tokens(ISSUER), "revoked": VALID}

#: What `InvalidToken.claim` says for a check, where that is not the check's own name.
CLAIM_OF = dict.fromkeys(
    [
        *("size", "form", "header_base64url", "header_json", "header"),
        *("payload_base64url", "signature_base64url", "b64", "payload_json"),
    ],
    "token",
)


def explained(token: str, circumstances: Circumstances = KNOWN) -> Explanation:
    """As of now."""
    return explain(token, circumstances, CLOCK.now)


def verdicts(explanation: Explanation, verdict: str) -> list[str]:
    """The names of the checks that ended so."""
    return [check.name for check in explanation.checks if check.verdict == verdict]


def said_by_verifier(token: str, revocations: Revocations | None = None) -> str | None:
    """The claim by which the verifier refuses; None if it accepts."""
    try:
        ISSUER.verifier(cache_size=0, revocations=revocations).verify(token)
    except InvalidToken as error:
        return error.claim
    return None


def said_by_explanation(token: str, circumstances: Circumstances = KNOWN) -> str | None:
    """The same, of the explanation."""
    explanation = explained(token, circumstances)
    refused_by = explanation.refused_by
    assert explanation.verdict == ("accepted" if refused_by is None else "refused")
    return None if refused_by is None else CLAIM_OF.get(refused_by.name, refused_by.name)


def test_the_corpus_covers_every_check() -> None:
    """A check without a token that breaks it would be tested by nothing; the order is that of the explanation."""
    assert list(CORPUS) == list(CHECKS)


@pytest.mark.parametrize("name", CORPUS)
def test_the_broken_check_is_the_one_that_is_named(name: str) -> None:
    """And no other one fails with it."""
    circumstances = msgspec.structs.replace(KNOWN, revocations=SIGNED_OUT if name == "revoked" else RevocationList())
    explanation = explained(CORPUS[name], circumstances)
    assert verdicts(explanation, "failed") == [name]
    assert explanation.verdict == "refused"
    refused_by = explanation.refused_by
    assert refused_by is not None
    assert refused_by.expected
    assert refused_by.standard
    assert refused_by.change


@pytest.mark.parametrize("name", CORPUS)
def test_the_verifier_refuses_the_corpus_for_the_same_reason(name: str) -> None:
    """`InvalidToken.claim`."""
    revocations = SIGNED_OUT if name == "revoked" else None
    said = said_by_explanation(CORPUS[name], msgspec.structs.replace(KNOWN, revocations=revocations))
    assert said == said_by_verifier(CORPUS[name], revocations)
    assert said is not None


def test_a_payload_that_is_not_encoded_is_refused_in_the_verifiers_words() -> None:
    """RFC 7797 §7, which forbids it in a JWT; the rules of what is passed detached (§5) are none of a JWT's."""
    with pytest.raises(InvalidToken) as refused:
        ISSUER.verifier(cache_size=0).verify(CORPUS["b64"])
    refused_by = explained(CORPUS["b64"]).refused_by
    assert refused_by is not None
    assert (refused_by.change or "").startswith(sentence(refused.value.hint))
    assert "RFC 7797 §7" in refused.value.hint


@pytest.mark.parametrize("name", ["b64", "header_base64url", "payload_base64url", "signature_base64url"])
def test_no_signature_is_checked_before_it_is_known_what_it_covers(name: str) -> None:
    """RFC 7515 §5.2, RFC 7797 §3."""
    assert {"alg", "kid", "signature", "revoked"} <= set(verdicts(explained(CORPUS[name]), "skipped"))


def test_a_good_token_passes_every_check() -> None:
    """RFC 9068 §4."""
    explanation = explained(VALID, msgspec.structs.replace(KNOWN, revocations=RevocationList()))
    assert (explanation.verdict, verdicts(explanation, "passed")) == ("accepted", list(CHECKS))
    assert explanation.signature_holds
    assert not any(check.change for check in explanation.checks)


HEADERS: dict[str, list[Any]] = {
    "alg": ["ES256", "HS256", "none", "RS256", "XX", 7],
    "kid": ["unknown", 7, ""],
    "typ": ["JWT", "application/AT+JWT", 7, ""],
    "crit": [["exp"], [], ["b64"], 7],
    "b64": [True, False, 7],
    "jwk": [ISSUER.signing_key.to_jwk()],
}
CLAIMS: dict[str, list[Any]] = {
    "iss": ["https://evil.example", None, 7],
    "aud": ["https://evil.example", None, [], 7, [ISSUER.audience, "x"]],
    "exp": [CLOCK.now, CLOCK.now - 5, None, "x", 1e300],
    "nbf": [CLOCK.now + 6, None, True],
    "iat": [CLOCK.now + 6, None, -1],
    **{name: ["", None, 7, "x"] for name in ("sub", "client_id", "jti", "sid")},
    "scope": ["a  b", None, 7, ""],
    "nonce": ["n"],
}


def some(of: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these members, each with one of its values."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in of.items()})


def corrupted(token: str, at: int, character: str) -> str:
    """With one character replaced."""
    at %= len(token)
    return token[:at] + character + token[at + 1 :]


@settings(max_examples=400)
@given(header=some(HEADERS), claims=some(CLAIMS), is_forged=st.booleans())
def test_whatever_is_wrong_at_once_the_first_reason_is_the_verifiers(
    header: dict[str, Any], claims: dict[str, Any], *, is_forged: bool
) -> None:
    """One list of rules and one order: a check that moved in only one of the two places is found here."""
    said = {**strict_json.loads_object(base64url.decode(PAYLOAD)), **claims}
    members = {"alg": "ES256", "typ": "at+jwt", "kid": ISSUER.signing_key.kid, **header}
    token = with_header(json.dumps(members).encode(), base64url.encode(json.dumps(said).encode()))
    if is_forged:
        token = f"{token.rpartition('.')[0]}.{SIGNATURE}"
    assert said_by_explanation(token) == said_by_verifier(token)


@settings(max_examples=300)
@given(
    token=st.sampled_from([VALID, *CORPUS.values()]),
    at=st.integers(0, 9999),
    character=st.sampled_from("AQgwz-_.=+/ \n\0\u00e9"),
)
def test_whatever_is_corrupted_the_reason_is_the_verifiers(token: str, at: int, character: str) -> None:
    """Also of tokens that were bad before."""
    mutated = corrupted(token, at, character)
    assert said_by_explanation(mutated) == said_by_verifier(mutated)


@given(token=st.text(max_size=60))
def test_any_text_is_explained(token: str) -> None:
    """Never a crash, and never another verdict."""
    assert said_by_explanation(token) == said_by_verifier(token)


@pytest.mark.parametrize("name", ["VALID", *CORPUS])
def test_neither_the_signature_nor_the_whole_token_is_in_an_explanation(name: str) -> None:
    """It is shown to others, and pasted into tickets: what it says must not be of use to them."""
    token = CORPUS.get(name, VALID)
    text = msgspec.json.encode(explained(token)).decode() + repr(explained(token))
    assert not any(part in text for part in token.split(".") if part)


def test_a_long_value_is_cut_off() -> None:
    """Nor is anything as long as a token."""
    explanation = explained(ISSUER.token("x" * 4000))
    assert explanation.verdict == "accepted"
    assert max(len(check.found or "") for check in explanation.checks) < 240


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x7f", "\x9b31m", "\u202e", "\u2066", "a\nb", "\u0430pi"])
def test_what_a_token_says_cannot_steer_a_terminal(hostile: str) -> None:
    """Control characters, C1, bidirectional overrides, and letters that look like others."""
    for token in (
        ISSUER.token(hostile, iss=hostile, aud=[hostile], client_id=hostile, scope=hostile, exp=hostile),
        changed(kid=hostile, typ=hostile, **{hostile: 1}),
        changed(alg=hostile),
        changed(crit=[hostile]),
    ):
        for check in explained(token).checks:
            assert all(" " <= character <= "~" for character in check.found or "")


def test_without_expectations_the_shape_is_explained_and_nothing_is_accepted() -> None:
    """Issuer and audience are not taken from the token that they are to judge (RFC 9068 §4)."""
    explanation = explained(VALID, Circumstances(keys=NoKeys(reason="Name the issuer.", is_failure=False)))
    assert explanation.verdict == "undecided"
    assert verdicts(explanation, "failed") == []
    assert verdicts(explanation, "skipped") == ["kid", "signature", "iss", "aud", "revoked"]
    by_name = {check.name: check for check in explanation.checks}
    assert by_name["iss"].found == f'"{ISSUER.issuer}"'
    assert (by_name["iss"].change or "").startswith("Not verified")
    assert not explanation.signature_holds


@pytest.mark.parametrize("missing", ["issuer", "audiences", "keys"])
def test_one_expectation_less_is_not_accepted(missing: str) -> None:
    """Nothing expected is optional (design §4)."""
    nothing: dict[str, Any] = {
        "issuer": None,
        "audiences": frozenset(),
        "keys": NoKeys(reason="None.", is_failure=False),
    }
    explanation = explained(VALID, msgspec.structs.replace(KNOWN, **{missing: nothing[missing]}))
    assert explanation.verdict == "undecided"


@pytest.mark.parametrize("claim", ["iss", "aud"])
def test_a_claim_that_is_missing_is_wrong_whatever_is_expected(claim: str) -> None:
    """RFC 9068 §2.2."""
    nothing = Circumstances(keys=NoKeys(reason="None.", is_failure=False))
    assert verdicts(explained(ISSUER.token(without=[claim]), nothing), "failed") == [claim]


def test_keys_that_could_not_be_had_fail_the_check_of_the_key() -> None:
    """An API answers 503 then; whose fault it is must be seen, without a word that steers a terminal.

    Nor with advice about the token, which is not what has to change.
    """
    keys = NoKeys(reason="no answer\x1b[2J\u202e", is_failure=True)
    explanation = explained(VALID, msgspec.structs.replace(KNOWN, keys=keys))
    assert verdicts(explanation, "failed") == ["kid"]
    refused_by = explanation.refused_by
    assert refused_by is not None
    assert refused_by.change == "No answer\\x1b[2J\\u202e."


def test_without_keys_an_algorithm_that_is_not_taken_is_still_refused() -> None:
    """RFC 8725 §3.1: no key would help."""
    nothing = Circumstances(keys=NoKeys(reason="None.", is_failure=False))
    assert verdicts(explained(CORPUS["alg"], nothing), "failed") == ["alg"]


def test_a_key_for_another_algorithm_is_a_matter_of_the_algorithm() -> None:
    """RFC 8725 §3.1: as the verifier names it."""
    keys = KeySet([Key.generate("EdDSA", kid=ISSUER.signing_key.kid)])
    assert verdicts(explained(VALID, msgspec.structs.replace(KNOWN, keys=keys)), "failed") == ["alg"]


@pytest.mark.parametrize(
    ("claims", "failed"), [({}, ["signature"]), ({"aud": "x", "exp": 1}, ["signature", "aud", "exp"])]
)
def test_the_claims_of_a_forged_token_are_explained_but_marked(claims: dict[str, Any], failed: list[str]) -> None:
    """All that is wrong is shown, and that anybody may have written it."""
    forger: Callable[..., str] = ISSUER.token
    explanation = explained(forger(key=Key.generate("ES256", kid=ISSUER.signing_key.kid), **claims))
    assert verdicts(explanation, "failed") == failed
    assert not explanation.signature_holds
