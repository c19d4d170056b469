"""What a limit lets through, and how long it asks to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.flows.limits.limit import Counter, Limit, return_all, take_all
from jotary.server.flows.limits.limiter import ACCOUNT_FACTOR, GUESS_INTERVAL
from jotary.server.model.changes import ReturnAttempt, TakeAttempt

MOMENTS = st.lists(st.integers(0, 5_000), max_size=300).map(sorted)


class Memory:
    """What the statement of a `TakeAttempt` does, without a database."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.restored_at: int | None = None

    def attempt(self, now: int) -> bool:
        """Whether an attempt is let through."""
        if self.limit.wait(self.restored_at, now):
            return False
        self.restored_at = max(self.restored_at or 0, now) + self.limit.interval
        return True


@given(burst=st.integers(1, 20), interval=st.integers(1, 100), moments=MOMENTS)
def test_in_any_span_no_more_pass_than_the_burst_and_one_for_each_interval(
    burst: int, interval: int, moments: list[int]
) -> None:
    """ITU-T I.371: whenever they come."""
    memory = Memory(Limit(burst, interval))
    passed = [now for now in moments if memory.attempt(now)]
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - begin) // interval


@given(burst=st.integers(1, 20), interval=st.integers(1, 100), moments=MOMENTS, now=st.integers(0, 5_000))
def test_who_waits_as_long_as_told_is_let_through_and_not_a_second_before(
    burst: int, interval: int, moments: list[int], now: int
) -> None:
    """RFC 9110 §10.2.3: Retry-After is neither too long nor too short."""
    memory = Memory(Limit(burst, interval))
    for moment in moments:
        memory.attempt(min(moment, now))
    wait = memory.limit.wait(memory.restored_at, now)
    assert memory.limit.wait(memory.restored_at, now + wait) == 0
    if wait:
        assert memory.limit.wait(memory.restored_at, now + wait - 1) == 1


@given(at_once=st.integers(3, 20), moments=MOMENTS)
def test_one_network_alone_never_uses_up_what_the_account_has_for_all(at_once: int, moments: list[int]) -> None:
    """ASVS 5.0, 6.1.1: nobody can lock somebody out from one place."""
    network = Memory(Limit(at_once, GUESS_INTERVAL))
    account = Memory(Limit(at_once * ACCOUNT_FACTOR, GUESS_INTERVAL))
    for now in moments:
        if network.attempt(now):
            assert account.attempt(now)
    assert account.limit.wait(account.restored_at, moments[-1] if moments else 0) == 0


def test_what_is_taken_and_returned_comes_in_one_order_for_all() -> None:
    """Two transactions that lock the same rows in other orders would wait for each other for ever."""
    limit = Limit(burst=3, interval=7)
    counters = [Counter("b", limit), Counter("a", limit)]
    assert take_all(counters, 50) == (TakeAttempt("a", 50, 7, 14), TakeAttempt("b", 50, 7, 14))
    assert return_all(counters) == (ReturnAttempt("a", 7), ReturnAttempt("b", 7))


@pytest.mark.parametrize(
    ("restored_at", "wait"), [(None, 0), (0, 0), (120, 0), (121, 1), (180, 60), (180 + 86_400, 86_460), (86_581, 0)]
)
def test_the_wait_follows_from_when_all_of_it_is_back(restored_at: int | None, wait: int) -> None:
    """Two at once, one a minute, at second 60. What no clock that is right to a day can have made holds nobody off."""
    assert Limit(burst=2, interval=60).wait(restored_at, 60) == wait
