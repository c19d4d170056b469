"""When the issuer's keys are fetched: a policy over values, with no clock, no thread and no network (design §6.4).

`now` is in Unix seconds. A clock that was set back never makes keys live longer: time that seems to lie in the future
counts as long past.
"""

from collections.abc import Collection
from enum import Enum

import msgspec

from jotary.jose import KeySet


class KeyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long keys are good, all in seconds.

    Attributes:
        default_age: how long keys are fresh when the issuer does not say.
        least_age: an issuer cannot make us fetch more often than this.
        greatest_age: nor keep a key that it has withdrawn in use for longer than this.
        longest_outage: keys that could not be refreshed for this long are not used any more.
        cool_down: unknown key ids cause at most one fetch in this time.
        first_retry: the pause after a failed fetch; it doubles with each further one,
        longest_retry: up to this.
    """

    default_age: int = 300
    least_age: int = 30
    greatest_age: int = 3600
    longest_outage: int = 86_400
    cool_down: int = 30
    first_retry: int = 1
    longest_retry: int = 60


class Step(Enum):
    """What to do before keys are used."""

    USE = "use them"
    REFRESH = "use them and fetch anew in the background"
    FETCH = "wait for a fetch"
    UNAVAILABLE = "there are none, and it is too early to try again"


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about the issuer's keys.

    Attributes:
        keys: the last good ones.
        fetched_at: when they came.
        fresh_for: seconds for which they are fresh.
        failures: fetches that failed since then.
        failed_at: when the last of them failed.
        failure: what it failed with, for the operator.
        refetched_at: when an unknown key id last caused a fetch.
        revocations_uri: where the issuer's feed of cut-offs is, if it has one.
    """

    keys: KeySet | None = None
    fetched_at: float = 0
    fresh_for: float = 0
    failures: int = 0
    failed_at: float = 0
    failure: str = "they were not fetched yet"
    refetched_at: float | None = None
    revocations_uri: str | None = None


# Part of the fresh time after which a fetch in the background begins.
_REFRESH_AFTER = 0.8


def next_step(state: KeyState, policy: KeyPolicy, now: float) -> Step:
    """What a verification has to do about keys before it begins."""
    if not usable(state, policy, now):
        return Step.FETCH if may_retry(state, policy, now) else Step.UNAVAILABLE
    if state.failures:
        return Step.REFRESH if may_retry(state, policy, now) else Step.USE
    if _within(state.fetched_at, state.fresh_for * _REFRESH_AFTER, now):
        return Step.USE
    # An API that was idle asks first: the key of the token in hand may have been withdrawn since.
    return Step.REFRESH if _within(state.fetched_at, state.fresh_for, now) else Step.FETCH


def usable(state: KeyState, policy: KeyPolicy, now: float) -> bool:
    """Whether there are keys, and not from before too long an outage."""
    if state.keys is None:
        return False
    return now < state.fetched_at + _longest_use(state, policy)


def undisturbed(state: KeyState, policy: KeyPolicy, now: float) -> tuple[float, float]:
    """From when until when `next_step` stays `USE`, as far as is known now; empty if it is not."""
    if not usable(state, policy, now):
        return now, now
    if state.failures:
        end_of_outage = state.fetched_at + _longest_use(state, policy)
        return state.failed_at, min(state.failed_at + _pause(state, policy), end_of_outage)
    return state.fetched_at, state.fetched_at + state.fresh_for * _REFRESH_AFTER


def may_fetch_for_unknown_key(state: KeyState, policy: KeyPolicy, now: float) -> bool:
    """Whether a key id that is not in the set is reason enough for a fetch now."""
    if not may_retry(state, policy, now):
        return False
    cooling = state.refetched_at is not None and _within(state.refetched_at, policy.cool_down, now)
    return not (cooling and usable(state, policy, now))


def may_retry(state: KeyState, policy: KeyPolicy, now: float) -> bool:
    """Whether the pause after the last failed fetch is over."""
    return not state.failures or not _within(state.failed_at, _pause(state, policy), now)


def retry_after(state: KeyState, policy: KeyPolicy, now: float) -> int:
    """Seconds until the next fetch may be tried, at least 1."""
    if may_retry(state, policy, now):
        return 1
    return max(1, round(state.failed_at + _pause(state, policy) - now))


def refetched(state: KeyState, now: float) -> KeyState:
    """The state when an unknown key id has caused a fetch: the cool-down begins."""
    return msgspec.structs.replace(state, refetched_at=now)


def fetched(
    state: KeyState,
    policy: KeyPolicy,
    keys: KeySet,
    max_age: int | None,
    now: float,
    *,
    revocations_uri: str | None = None,
) -> KeyState:
    """The state after a good fetch; `max_age` is what the issuer says, in seconds (RFC 9111 §5.2.2.1)."""
    age = policy.default_age if max_age is None else max_age
    return KeyState(
        keys=keys,
        fetched_at=now,
        fresh_for=min(max(age, policy.least_age), policy.greatest_age),
        refetched_at=state.refetched_at,
        revocations_uri=revocations_uri,
    )


def failed(state: KeyState, reason: str, now: float) -> KeyState:
    """The state after a failed fetch: the last good keys stay."""
    return msgspec.structs.replace(state, failures=state.failures + 1, failed_at=now, failure=reason)


def lost_a_key(before: KeySet | None, after: KeySet) -> bool:
    """Whether a key was withdrawn or changed, so that what was verified before must be verified again."""
    if before is None:
        return False
    remaining = after.to_jwks()["keys"]
    return any(key not in remaining for key in before.to_jwks()["keys"])


def without(keys: KeySet, withdrawn: Collection[str]) -> KeySet:
    """The keys but those of these names; the same object if there are none."""
    remaining = [key for key in keys if key.kid not in withdrawn]
    return keys if len(remaining) == len(keys) else KeySet(remaining, ignored=keys.ignored)


def _longest_use(state: KeyState, policy: KeyPolicy) -> float:
    return max(policy.longest_outage, state.fresh_for)


def _pause(state: KeyState, policy: KeyPolicy) -> float:
    doubled = policy.first_retry << min(state.failures - 1, 30)
    return min(doubled, policy.longest_retry)


def _within(since: float, seconds: float, now: float) -> bool:
    return since <= now < since + seconds
