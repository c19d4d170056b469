"""Wycheproof's JOSE files: compact tokens that must be accepted, and forgeries that must not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.jose import JOSEError, Key, KeySet, jws
from jotary.jose.algorithms import ALGORITHMS

# The most that a caller can allow: every refusal below is made by the token and the key alone.
EVERYTHING = frozenset(ALGORITHMS)

# Sets of symmetric keys; jotary takes a symmetric key only by itself.
SYMMETRIC_SETS = {"json_web_key_test": {2}, "json_web_crypto_test": {48}}

Cases = Callable[[str], list[Any]]
Ran = Callable[[str], None]


def accepted(token: str, jwk: dict[str, Any]) -> bool:
    """Whether the token verifies; a set is read the way that a key set is, unless it has one symmetric key alone."""
    try:
        jws.verify(token, read(jwk), algorithms=EVERYTHING)
    except JOSEError:
        return False
    return True


def read(jwk: dict[str, Any]) -> Key | KeySet:
    """A key, or the set of public keys."""
    if "keys" not in jwk:
        return Key.from_jwk(jwk)
    if [entry["kty"] for entry in jwk["keys"]] == ["oct"]:
        return Key.from_jwk(jwk["keys"][0])
    return KeySet.from_jwks(jwk)


def jwk_of(case: Any) -> dict[str, Any]:
    """What the verifier is given: the public part where there is one."""
    jwk: dict[str, Any] = case.group.get("public") or case.group["private"]
    return jwk


def test_signatures(vectors: Path, wycheproof: Cases, ran: Ran) -> None:
    """json_web_signature_test.json; eight of its labels are wrong: the file of overrides says why."""
    overrides = json.loads((vectors / "wycheproof-jws-overrides.json").read_text())["expect_override"]
    cases = wycheproof("json_web_signature_test")
    wrong = []
    for case in cases:
        override = overrides.get(str(case.id))
        expected = case.is_valid if override is None else override.startswith("valid")
        if accepted(case.fields["jws"], jwk_of(case)) is not expected:
            wrong.append((case.id, case.fields["comment"]))
    assert wrong == []
    assert len(cases) == 401
    assert sorted(overrides, key=int) == ["346", "347", "350", "351", "367", "370", "372", "373"]
    ran(f"wycheproof json_web_signature: {len(cases)} cases, labels overridden: {', '.join(sorted(overrides))}")


@pytest.mark.parametrize(("name", "count"), [("json_web_key_test", 26), ("json_web_crypto_test", 49)])
def test_keys_and_sets(name: str, count: int, wycheproof: Cases, ran: Ran) -> None:
    """Keys that are too short, of the wrong curve or use, weak, mixed or ambiguous verify nothing."""
    cases = [case for case in wycheproof(name) if "jws" in case.fields]
    stricter = SYMMETRIC_SETS[name]
    wrong = [
        (case.id, case.fields["comment"])
        for case in cases
        if accepted(case.fields["jws"], jwk_of(case)) is not (case.is_valid and case.id not in stricter)
    ]
    assert wrong == []
    assert len(cases) == count
    ran(f"wycheproof {name}: {count} JWS cases, valid but a set of symmetric keys, so refused: {sorted(stricter)}")


@pytest.mark.parametrize(("name", "tc_id"), [("json_web_key_test", 2), ("json_web_crypto_test", 48)])
def test_symmetric_keys_verify_by_themselves(name: str, tc_id: int, wycheproof: Cases) -> None:
    """What the sets of symmetric keys sign is accepted with the one key that signed it, passed by itself."""
    (case,) = [case for case in wycheproof(name) if case.id == tc_id]
    signing, other = (Key.from_jwk(entry) for entry in jwk_of(case)["keys"])
    assert jws.verify(case.fields["jws"], signing, algorithms={"HS256"}).payload
    with pytest.raises(JOSEError, match="bad_signature"):
        jws.verify(case.fields["jws"], other, algorithms={"HS256"})
    with pytest.raises(JOSEError, match="unknown_key"):
        jws.verify(case.fields["jws"], KeySet.from_jwks(jwk_of(case)), algorithms={"HS256"})


def test_encrypted_tokens_are_not_signed_tokens(wycheproof: Cases, ran: Ran) -> None:
    """A JWE has five parts and proves nothing about its sender: json_web_crypto_test.json."""
    cases = [case for case in wycheproof("json_web_crypto_test") if "jwe" in case.fields]
    assert len(cases) == 34
    for case in cases:
        with pytest.raises(JOSEError, match=r"malformed|bad_json|bad_base64url"):
            jws.parse(case.fields["jwe"])
    ran(f"wycheproof json_web_crypto_test: {len(cases)} JWE cases, all refused: JWE is not implemented")
