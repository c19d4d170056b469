"""When keys are fetched: the policy as values, with no clock and no network (design §6.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import Key, KeySet
from jotary.verifier import keys as policies
from jotary.verifier.keys import KeyPolicy, KeyState, Step

POLICY = KeyPolicy()
NOW = 1_800_000_000
SET = KeySet([Key.generate("EdDSA", kid="one")])


def fresh(now: float = NOW, max_age: int | None = 300, policy: KeyPolicy = POLICY) -> KeyState:
    """The state after a good fetch."""
    return policies.fetched(KeyState(), policy, SET, max_age, now)


def step(state: KeyState, now: float, policy: KeyPolicy = POLICY) -> Step:
    """What is to be done."""
    return policies.next_step(state, policy, now)


def test_the_first_use_waits_for_a_fetch() -> None:
    """Design §6.4: fetched at first use."""
    assert step(KeyState(), NOW) is Step.FETCH


@pytest.mark.parametrize(
    ("age", "expected"),
    [(0, Step.USE), (239, Step.USE), (240, Step.REFRESH), (299, Step.REFRESH), (300, Step.FETCH), (9999, Step.FETCH)],
)
def test_keys_are_refreshed_in_the_background_before_they_grow_stale(age: int, expected: Step) -> None:
    """Design §6.4; keys that an idle API let grow stale are asked for first, since they may have been withdrawn."""
    assert step(fresh(), NOW + age) is expected


@pytest.mark.parametrize(
    ("max_age", "fresh_for"), [(None, 300), (0, 30), (29, 30), (30, 30), (600, 600), (3600, 3600), (10**9, 3600)]
)
def test_what_the_issuer_says_about_age_is_bounded(max_age: int | None, fresh_for: int) -> None:
    """An issuer cannot make us ask all the time, nor keep a withdrawn key in use for a year."""
    assert fresh(max_age=max_age).fresh_for == fresh_for


def test_the_last_good_keys_survive_failed_fetches() -> None:
    """Design §6.4: they go on verifying, and nobody waits for them."""
    state = fresh()
    for attempt in range(50):
        now = NOW + 300 + attempt * 100
        state = policies.failed(state, "down", now)
        assert state.keys is SET
        assert step(state, now) is Step.USE
        assert step(state, now + 60) is Step.REFRESH


def test_the_pause_between_failed_fetches_doubles_up_to_a_bound() -> None:
    """So that an issuer in trouble is not asked by every request."""
    state, pauses = KeyState(), []
    for _ in range(9):
        state = policies.failed(state, "down", NOW)
        pauses.append(next(pause for pause in range(100) if policies.may_retry(state, POLICY, NOW + pause)))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_thousand_failures_do_not_overflow() -> None:
    """2 ** failures would be a number with hundreds of digits, compared at every request."""
    state = fresh()
    for _ in range(1000):
        state = policies.failed(state, "down", NOW)
    assert not policies.may_retry(state, POLICY, NOW + 59)
    assert policies.may_retry(state, POLICY, NOW + 60)


def test_without_keys_nothing_is_available_until_the_pause_is_over() -> None:
    """A cold start during an outage."""
    state = policies.failed(KeyState(), "down", NOW)
    assert step(state, NOW) is Step.UNAVAILABLE
    assert step(state, NOW + 1) is Step.FETCH


@pytest.mark.parametrize("now", [0.0, 10.0, 3_600.0, float(NOW)])
def test_without_keys_nothing_is_usable_whatever_the_clock_says(now: float) -> None:
    """A clock of a test, or of a machine that has just started, may be near 0: that is no age of keys."""
    assert not policies.usable(KeyState(), POLICY, now)
    assert step(KeyState(), now) is Step.FETCH
    use_from, use_until = policies.undisturbed(policies.failed(KeyState(), "down", now), POLICY, now)
    assert use_from == use_until


def test_who_asks_during_the_pause_is_told_how_long_it_lasts() -> None:
    """The Retry-After of a 503; never 0, which would invite at once."""
    state = KeyState()
    for _ in range(5):
        state = policies.failed(state, "down", NOW)
    assert policies.retry_after(state, POLICY, NOW) == 16
    assert policies.retry_after(state, POLICY, NOW + 15) == 1
    assert policies.retry_after(state, POLICY, NOW + 16) == 1


def test_a_good_fetch_ends_the_outage() -> None:
    """Nothing of the failures is left."""
    state = policies.fetched(policies.failed(fresh(), "down", NOW), POLICY, SET, 300, NOW + 5)
    assert (state.failures, step(state, NOW + 6)) == (0, Step.USE)


def test_keys_are_not_used_for_ever_in_an_outage() -> None:
    """Whoever stole an old key and keeps us from the issuer must not be let in for good."""
    state = policies.failed(fresh(), "down", NOW + 86_399)
    assert policies.usable(state, POLICY, NOW + 86_399)
    assert not policies.usable(state, POLICY, NOW + 86_400)
    assert step(state, NOW + 86_400) is Step.FETCH


def test_the_hot_path_ends_with_the_longest_outage() -> None:
    """Also where the pause after a failure would reach further."""
    state = fresh()
    for _ in range(10):
        state = policies.failed(state, "down", NOW + 86_390)
    assert policies.undisturbed(state, POLICY, NOW + 86_390) == (NOW + 86_390, NOW + 86_400)


def test_fixed_keys_are_always_usable() -> None:
    """`offline`: no age at all."""
    state = KeyState(keys=SET, fresh_for=float("inf"))
    assert policies.usable(state, POLICY, NOW)
    assert policies.undisturbed(state, POLICY, NOW) == (0, float("inf"))


def test_an_unknown_kid_is_worth_one_fetch_per_cool_down() -> None:
    """Design §6.4."""
    state = fresh()
    assert policies.may_fetch_for_unknown_key(state, POLICY, NOW + 1)
    state = policies.refetched(state, NOW + 1)
    assert not policies.may_fetch_for_unknown_key(state, POLICY, NOW + 30)
    assert policies.may_fetch_for_unknown_key(state, POLICY, NOW + 31)


def test_the_cool_down_outlives_the_fetch_that_it_began_with() -> None:
    """Or every answer would allow the next one."""
    state = policies.fetched(policies.refetched(fresh(), NOW), POLICY, SET, 300, NOW + 1)
    assert not policies.may_fetch_for_unknown_key(state, POLICY, NOW + 2)


def test_an_unknown_kid_waits_for_the_pause_after_a_failure_too() -> None:
    """An issuer that is down is not asked because somebody sends a random kid."""
    state = policies.failed(fresh(), "down", NOW)
    assert not policies.may_fetch_for_unknown_key(state, POLICY, NOW)
    assert policies.may_fetch_for_unknown_key(state, POLICY, NOW + 1)


def test_without_usable_keys_the_cool_down_does_not_count() -> None:
    """It protects from random kids; whoever has no keys needs some."""
    state = policies.refetched(KeyState(), NOW)
    assert policies.may_fetch_for_unknown_key(state, POLICY, NOW + 1)


@pytest.mark.parametrize("back", [1, 3600, 10**8])
def test_a_clock_set_back_makes_nothing_live_longer(back: int) -> None:
    """Time that seems to lie ahead counts as long past."""
    assert step(fresh(), NOW - back) is Step.FETCH
    assert policies.may_retry(policies.failed(fresh(), "down", NOW), POLICY, NOW - back)
    assert policies.may_fetch_for_unknown_key(policies.refetched(fresh(), NOW), POLICY, NOW - back)


def test_a_withdrawn_key_is_noticed() -> None:
    """What it verified must be verified again."""
    one, two = Key.generate("EdDSA", kid="1"), Key.generate("EdDSA", kid="2")
    assert policies.lost_a_key(KeySet([one, two]), KeySet([two]))
    assert not policies.lost_a_key(KeySet([one]), KeySet([two, one]))
    assert not policies.lost_a_key(KeySet([one]), KeySet([Key.from_jwk(one.public().to_jwk())]))
    assert not policies.lost_a_key(None, KeySet([one]))


def test_another_key_under_the_same_kid_is_noticed() -> None:
    """The kid alone does not tell."""
    before, after = Key.generate("EdDSA", kid="1"), Key.generate("EdDSA", kid="1")
    assert policies.lost_a_key(KeySet([before]), KeySet([after]))


EVENTS = st.lists(
    st.tuples(st.sampled_from(["good", "bad", "unknown"]), st.floats(-100, 100_000), st.none() | st.integers(0, 10**6)),
    max_size=20,
)


@given(events=EVENTS, later=st.floats(-1000, 200_000))
def test_the_hot_path_never_skips_a_step(events: list[tuple[str, float, int | None]], later: float) -> None:
    """Between `undisturbed`'s bounds `next_step` must be USE, whatever happened before."""
    state, now = KeyState(), float(NOW)
    for kind, seconds, max_age in events:
        now += seconds
        if kind == "good":
            state = policies.fetched(state, POLICY, SET, max_age, now)
        elif kind == "bad":
            state = policies.failed(state, "down", now)
        else:
            state = policies.refetched(state, now)
    use_from, use_until = policies.undisturbed(state, POLICY, now)
    if use_from <= now + later < use_until:
        assert step(state, now + later) is Step.USE
        assert policies.usable(state, POLICY, now + later)
