"""The checks of the verifier, made one by one with its own functions, so that each can be named."""

from typing import Any, Literal

import msgspec

from jotary.jose import KeySet
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.jose.header import Header
from jotary.tokens.claims import DEFAULT_LEEWAY
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.check import MAX_TOKEN_SIZE, Expectations, Verified, check
from jotary.verifier.explain.content import ContentExpected, check_content
from jotary.verifier.explain.form import Taken, take_apart
from jotary.verifier.explain.kinds import kind_of
from jotary.verifier.explain.profiled import check_key_issuer, check_profiled_content, rows_of
from jotary.verifier.explain.providers import recognise
from jotary.verifier.explain.record import Record
from jotary.verifier.explain.results import CheckResult, Explanation
from jotary.verifier.explain.signature import NoKeys, check_signature, check_unsigned
from jotary.verifier.explain.standards import CHECKS
from jotary.verifier.key_documents import key_issuer
from jotary.verifier.revocations import REVOKED, Revocations

__all__ = ["Circumstances", "NoKeys", "explain"]


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What is known to whoever explains; the rest of the checks is skipped.

    Attributes:
        issuer: the one that the API trusts; None if nobody said.
        audiences: the names of the API; empty if nobody said.
        keys: the issuer's, or why there are none.
        revocations: the issuer's cut-offs; None if it publishes none, or they were not read.
        algorithms: the signature algorithms that are taken.
        leeway: seconds that clocks may differ.
        max_size: characters.
        profile: what the tokens of the issuer look like; None for RFC 9068. It needs an issuer and audiences.
    """

    issuer: str | None = None
    audiences: frozenset[str] = frozenset()
    keys: KeySet | NoKeys
    revocations: Revocations | None = None
    algorithms: frozenset[str] = frozenset(DEFAULT_ALGORITHMS)
    leeway: int = DEFAULT_LEEWAY
    max_size: int = MAX_TOKEN_SIZE
    profile: TokenProfile | None = None


def explain(token: str, circumstances: Circumstances, now: int) -> Explanation:
    """Say of every check whether the token passes it. Never raises for what a token holds.

    Args:
        token: whatever somebody took for an access token. No part of it is kept but header members and claims.
        circumstances: what an API expects.
        now: Unix seconds.
    """
    profile = circumstances.profile
    record = Record(CHECKS if profile is None else rows_of(profile))
    taken = take_apart(token, circumstances.max_size, record)
    if taken.header is not None and record.passed("payload_base64url", "signature_base64url", "b64"):
        _check_signature(taken, circumstances, record)
    if taken.header is not None and taken.claims is not None:
        _check_content(taken.header, taken.claims, circumstances, now, record)
    _check_revoked(token, circumstances, now, record)
    checks = record.results()
    return Explanation(
        verdict=_verdict(checks),
        kind=kind_of(token, taken.members, taken.claims, is_profiled=profile is not None),
        provider=None if taken.claims is None else recognise(taken.claims),
        signature_holds=record.passed("signature"),
        checks=checks,
    )


def _check_signature(taken: Taken, circumstances: Circumstances, record: Record) -> None:
    if circumstances.profile is not None and circumstances.profile.is_unsigned:
        check_unsigned(taken, record)
    else:
        check_signature(taken, circumstances.keys, circumstances.algorithms, record)


def _check_content(
    header: Header, claims: dict[str, Any], circumstances: Circumstances, now: int, record: Record
) -> None:
    expected = ContentExpected(circumstances.issuer, circumstances.audiences, circumstances.leeway, now)
    profile, keys = circumstances.profile, circumstances.keys
    if profile is None:
        check_content(header, claims, expected, record)
        return
    check_profiled_content(header, claims, profile, expected, record)
    if isinstance(keys, KeySet):
        check_key_issuer(header.kid, key_issuer(keys, header.kid), claims, profile, record)


def _check_revoked(token: str, circumstances: Circumstances, now: int, record: Record) -> None:
    """Only a token that the verifier itself takes has somebody to cut off."""
    verified = _verified(token, circumstances, now) if _all_passed(record.results()) else None
    if verified is None:
        return
    if circumstances.revocations is None:
        record.skip("revoked", "No cut-offs of this issuer were read: the token may have been revoked.")
    elif circumstances.revocations.refuses(verified.principal):
        record.refuse("revoked", REVOKED)
    else:
        record.accept("revoked")


def _all_passed(checks: tuple[CheckResult, ...]) -> bool:
    return all(result.verdict == "passed" for result in checks if result.name != "revoked")


def _verified(token: str, circumstances: Circumstances, now: int) -> Verified | None:
    if circumstances.issuer is None or isinstance(circumstances.keys, NoKeys):
        return None
    expected = Expectations(
        issuer=circumstances.issuer,
        audiences=circumstances.audiences,
        algorithms=circumstances.algorithms,
        leeway=circumstances.leeway,
        max_size=circumstances.max_size,
        profile=circumstances.profile,
    )
    verdict = check(token, circumstances.keys, expected, now)
    return verdict if isinstance(verdict, Verified) else None


def _verdict(checks: tuple[CheckResult, ...]) -> Literal["accepted", "refused", "undecided"]:
    """An API that follows no feed takes a token without asking whether it was revoked, so that check may be skipped."""
    if any(result.verdict == "failed" for result in checks):
        return "refused"
    return "accepted" if _all_passed(checks) else "undecided"
