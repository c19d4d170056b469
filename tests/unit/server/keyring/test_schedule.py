"""When signing keys are announced, sign, retire and are gone (design §6.2)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.keyring.addition import RotationRefusedError, check_addition
from jotary.server.keyring.schedule import (
    RELOAD_INTERVAL,
    Announce,
    Destroy,
    Retire,
    Rules,
    Step,
    choose_signing_key,
    is_gone,
    is_overdue,
    may_sign,
    plan,
    plan_emergency,
    plan_rotation,
)
from jotary.server.model.signing_key import SigningKey

NOW = 1_800_000_000
MAX_AGE, LIFETIME, LEEWAY = 300, 600, 5
RULES = msgspec.structs.replace(
    Rules.of(algorithm="ES256", jwks_max_age=MAX_AGE, token_lifetime=LIFETIME, leeway=LEEWAY), rotation_interval=10_000
)


def key(kid: str, announced_at: int = NOW, **changed: object) -> SigningKey:
    """A key that signs from its announcement on."""
    made = SigningKey(
        id=kid,
        algorithm="ES256",
        public_jwk={},
        sealed_private_key=b"sealed",
        announced_at=announced_at,
        signing_from=announced_at,
    )
    return msgspec.structs.replace(made, **changed)


def carry_out(keys: list[SigningKey], steps: list[Step], now: int, algorithm: str = "ES256") -> list[SigningKey]:
    """The keys as they are once the steps are done."""
    by_id = {one.id: one for one in keys}
    for step in steps:
        if isinstance(step, Announce):
            kid = f"key {len(by_id)}"
            by_id[kid] = key(kid, now, signing_from=step.signing_from, algorithm=algorithm)
        elif isinstance(step, Retire):
            ends = {"retiring_from": step.retiring_from, "gone_from": step.gone_from}
            by_id[step.key.id] = msgspec.structs.replace(by_id[step.key.id], **ends)
        else:
            by_id[step.key.id] = msgspec.structs.replace(by_id[step.key.id], sealed_private_key=b"")
    return list(by_id.values())


def test_a_key_stays_published_until_the_last_token_under_it_is_refused() -> None:
    """Its lifetime, the clocks that may lag, and the processes that sign with it until they read anew."""
    rules = Rules.of(algorithm="ES256", jwks_max_age=MAX_AGE, token_lifetime=LIFETIME, leeway=LEEWAY)
    assert rules.retirement == LIFETIME + LEEWAY + RELOAD_INTERVAL == 635
    assert rules.announcement == MAX_AGE + RELOAD_INTERVAL == 330


def test_the_first_key_signs_at_once() -> None:
    """Nobody can have an older key set of a server that has just begun."""
    assert plan([], NOW, RULES) == [Announce(NOW)]


def test_a_key_in_its_prime_is_left_alone() -> None:
    """Nothing is due."""
    assert plan([key("a")], NOW + 9_000, RULES) == []


def test_a_successor_is_announced_in_time_to_be_known_when_it_takes_over() -> None:
    """At the end of the interval; both moments are written together."""
    a, due = key("a"), NOW + RULES.rotation_interval
    assert plan([a], due - RULES.announcement - 1, RULES) == []

    steps = plan([a], due - RULES.announcement, RULES)

    assert steps == [Announce(due), Retire(a, due, due + RULES.retirement)]


def test_a_server_that_was_off_announces_for_the_full_time() -> None:
    """However late it is: a key that nobody knows must not sign."""
    a, now = key("a"), NOW + 10 * RULES.rotation_interval
    then = now + RULES.announcement

    assert plan([a], now, RULES) == [Announce(then), Retire(a, then, then + RULES.retirement)]


def test_another_algorithm_takes_over_like_a_successor() -> None:
    """An operator changes the setting, and no token is refused."""
    a, then = key("a", algorithm="RS256"), NOW + 5 + RULES.announcement

    assert plan([a], NOW + 5, RULES) == [Announce(then), Retire(a, then, then + RULES.retirement)]


def test_servers_that_are_set_to_different_algorithms_make_few_keys() -> None:
    """While a change of the setting is rolled out: each looks every second, and waits for the other's key to sign."""
    keys, most = [key("a")], 0
    for now in range(NOW, NOW + 3600):
        for algorithm in ("ES256", "RS256"):
            rules = msgspec.structs.replace(RULES, algorithm=algorithm)
            keys = carry_out(keys, plan(keys, now, rules), now, algorithm)
        most = max(most, sum(not is_gone(one, now) for one in keys))
    assert most <= 5
    assert len(keys) <= 2 + 3600 / RULES.announcement


def test_a_key_that_succeeds_none_is_announced_while_another_can_sign() -> None:
    """Somebody spoilt the successor: nobody waits, and nobody is surprised."""
    retiring = key("a", retiring_from=NOW + 100, gone_from=NOW + 900)
    for rules in (RULES, EXTERNAL):
        assert plan_rotation([retiring], NOW, rules) == [Announce(NOW + 100)]
        assert plan_rotation([retiring], NOW + 100, rules) == [Announce(NOW + 100)]
    assert plan([retiring], NOW, RULES) == [Announce(NOW + 100)]
    late = msgspec.structs.replace(retiring, retiring_from=NOW + 9_000, gone_from=NOW + 9_900)
    assert plan([late, retiring], NOW, RULES) == [Announce(NOW + RULES.announcement)]
    destroyed = msgspec.structs.replace(late, sealed_private_key=b"")
    assert plan([destroyed], NOW, RULES) == [Announce(NOW)]


def test_of_two_first_keys_one_is_retired() -> None:
    """Whatever made them: the set mends itself, and tokens of both are good until they expire."""
    a, b = key("a"), key("b")

    assert plan([b, a], NOW + 1, RULES) == [Retire(a, NOW + 1, NOW + 1 + RULES.retirement)]


def test_a_private_part_is_destroyed_once_every_process_knows_that_it_is_retired() -> None:
    """What is not there cannot be stolen."""
    a = key("a", retiring_from=NOW, gone_from=NOW + 1000)
    b = key("b", NOW)

    assert plan([a, b], NOW + RELOAD_INTERVAL - 1, RULES) == []
    assert plan([a, b], NOW + RELOAD_INTERVAL, RULES) == [Destroy(a)]
    assert plan([msgspec.structs.replace(a, sealed_private_key=b""), b], NOW + RELOAD_INTERVAL, RULES) == []


def test_a_rotation_on_request_is_announced_like_any_other() -> None:
    """In peace nobody is surprised."""
    a, then = key("a"), NOW + 7 + RULES.announcement

    steps = plan_rotation([a], NOW + 7, RULES)

    assert steps == [Announce(then), Retire(a, then, then + RULES.retirement)]
    assert plan_rotation(carry_out([a], steps, NOW + 7), NOW + 8, RULES) == []


def test_a_rotation_on_request_does_not_wait_for_a_clock_that_was_ahead() -> None:
    """The successor that it announced is due in years; the key that signs until then ends with it."""
    then, wrong = NOW + RULES.announcement, NOW + 10**8
    a, b = key("a", retiring_from=wrong, gone_from=wrong + RULES.retirement), key("b", signing_from=wrong)

    steps = plan_rotation([a, b], NOW, RULES)

    assert steps == [Announce(then), *(Retire(one, then, then + RULES.retirement) for one in (a, b))]
    after = carry_out([a, b], steps, NOW)
    for moment, signer in ((NOW, "a"), (then - 1, "a"), (then, "key 2")):
        found = choose_signing_key(after, moment)
        assert found is not None
        assert found.id == signer
    soon = key("b", signing_from=then)
    assert plan_rotation([a, soon], NOW, RULES) == []


def test_a_rotation_without_keys_makes_the_first_one() -> None:
    """On a new database."""
    assert plan_rotation([], NOW, RULES) == [Announce(NOW)]


def test_in_an_emergency_all_keys_are_gone_at_once_and_a_new_one_signs_at_once() -> None:
    """Also the announced and the retiring ones, and their private parts; what is gone already stays as it is."""
    gone = key("gone", NOW - 9, retiring_from=NOW - 5, gone_from=NOW - 1)
    retiring = key("retiring", NOW - 8, retiring_from=NOW - 1, gone_from=NOW + 100)
    signing, announced = key("signing", NOW - 7), key("announced", NOW - 6, signing_from=NOW + 100)

    steps = plan_emergency([gone, retiring, signing, announced], NOW)

    withdrawn = [step for one in (retiring, signing, announced) for step in (Retire(one, NOW, NOW), Destroy(one))]
    assert steps == [*withdrawn, Announce(NOW)]
    after = carry_out([gone, retiring, signing, announced], steps, NOW)
    assert [one.id for one in after if not is_gone(one, NOW)] == ["key 4"]
    assert plan(after, NOW, RULES) == []


def test_what_was_withdrawn_is_gone_at_once_for_who_has_a_clock_behind() -> None:
    """Who withdrew it had one that is ahead; of a key that retires in peace the end lies behind the retirement."""
    withdrawn = key("a", retiring_from=NOW + 60, gone_from=NOW + 60, sealed_private_key=b"")
    retiring = key("b", retiring_from=NOW - 60, gone_from=NOW + 60)
    assert is_gone(withdrawn, NOW)
    assert not is_gone(retiring, NOW)
    assert not is_gone(key("c"), NOW)


@pytest.mark.parametrize(
    ("now", "chosen"), [(NOW - 1, "a"), (NOW, "a"), (NOW + 99, "a"), (NOW + 100, "b"), (NOW + 9_999, "b")]
)
def test_the_last_to_have_begun_signs(now: int, chosen: str) -> None:
    """And before any has begun, because clocks differ, the first that will."""
    keys = [key("b", signing_from=NOW + 100), key("a", retiring_from=NOW + 100)]

    found = choose_signing_key(keys, now)

    assert found is not None
    assert found.id == chosen


def test_of_two_keys_that_both_may_sign_the_later_one_does() -> None:
    """So that the earlier one can be retired."""
    found = choose_signing_key([key("a", signing_from=NOW), key("b", signing_from=NOW + 100)], NOW + 100)

    assert found is not None
    assert found.id == "b"


def test_a_retired_key_never_signs() -> None:
    """Its successor does, or nobody."""
    assert choose_signing_key([key("a", retiring_from=NOW)], NOW) is None
    assert not may_sign(key("a", retiring_from=NOW), NOW)


def test_a_key_without_its_private_part_never_signs() -> None:
    """It was destroyed when a clock ran ahead; now that the clock is right, its end lies in the future again."""
    destroyed = key("a", retiring_from=NOW + 100, sealed_private_key=b"")
    successor = key("b", signing_from=NOW + 100)
    assert not may_sign(destroyed, NOW)
    found = choose_signing_key([destroyed, successor], NOW)
    assert found is not None
    assert found.id == "b"


def test_a_key_of_another_algorithm_does_not_sign_for_who_names_one() -> None:
    """A caller that names an algorithm gets that one or none."""
    assert choose_signing_key([key("a")], NOW, "EdDSA") is None
    assert choose_signing_key([key("a")], NOW, "ES256") is not None


@given(
    pauses=st.lists(st.integers(1, RULES.rotation_interval * 2), max_size=12),
    requests=st.sets(st.integers(0, 11)),
    lag=st.integers(0, RELOAD_INTERVAL),
)
def test_no_valid_token_is_ever_refused(pauses: list[int], requests: set[int], lag: int) -> None:
    """Under any sequence of scheduled and requested rotations, whoever signs and verifies with keys as old as allowed.

    A process reads its keys up to `RELOAD_INTERVAL` late; a verifier keeps a key set for `jwks_max_age` on top. A token
    signed at any moment is known to a verifier with the oldest set, and until it has expired to one with the newest.
    """
    keys, now = carry_out([], plan([], NOW, RULES), NOW), NOW
    history = [(now, keys)]
    for index, pause in enumerate(pauses):
        now += pause
        keys = carry_out(keys, plan(keys, now, RULES), now)
        if index in requests:
            keys = carry_out(keys, plan_rotation(keys, now, RULES), now)
        assert plan(keys, now, RULES) == []
        history.append((now, keys))

    moments = {at for at, _ in history} | {one.signing_from for one in keys}
    for moment in sorted(moments):
        signer = choose_signing_key(_as_read(history, moment - lag), moment)
        assert signer is not None
        oldest = _published(history, moment - MAX_AGE - RELOAD_INTERVAL, moment - MAX_AGE)
        assert signer.id in oldest or moment < NOW + MAX_AGE + RELOAD_INTERVAL
        end = moment + LIFETIME + LEEWAY
        assert signer.id in _published(history, end, end)


def _as_read(history: list[tuple[int, list[SigningKey]]], moment: int) -> list[SigningKey]:
    """The keys as they were in the database at a moment."""
    return [keys for at, keys in history if at <= max(moment, NOW)][-1]


def _published(history: list[tuple[int, list[SigningKey]]], read_at: int, served_at: int) -> set[str]:
    """What a process published at a moment, that read the keys at another."""
    return {one.id for one in _as_read(history, read_at) if not is_gone(one, served_at)}


EXTERNAL = msgspec.structs.replace(RULES, are_external=True)


def test_an_external_key_is_followed_by_no_key_of_the_servers_own() -> None:
    """Whatever is due, and whatever the algorithm: a key in a database is weaker than one in an HSM."""
    a, due = key("a"), NOW + EXTERNAL.rotation_interval
    assert plan([], NOW, EXTERNAL) == []
    assert plan([a], due + 999, EXTERNAL) == []
    assert plan([key("a", algorithm="RS256")], NOW, EXTERNAL) == []
    assert plan([a, key("b", NOW + 1)], NOW + 2, EXTERNAL) == [Retire(a, NOW + 2, NOW + 2 + RULES.retirement)]
    assert plan_rotation([a], NOW, EXTERNAL) == plan_rotation([a], NOW, RULES)  # one that an operator adds


def test_an_operator_is_awaited_when_an_external_key_has_signed_long_enough() -> None:
    """And when there is none."""
    due = NOW + EXTERNAL.rotation_interval
    assert is_overdue([], NOW, EXTERNAL)
    assert not is_overdue([key("a")], due - 1, EXTERNAL)
    assert is_overdue([key("a")], due, EXTERNAL)
    assert not is_overdue([key("a"), key("b", NOW + 1)], due, EXTERNAL)
    assert not is_overdue([], NOW, RULES)


@pytest.mark.parametrize(
    ("keys", "added", "rules", "match"),
    [
        ([], key("new"), RULES, "signing_keys is sealed"),
        ([], key("new", algorithm="RS256"), EXTERNAL, "signing_algorithm is ES256"),
        ([key("new", gone_from=NOW, retiring_from=NOW)], key("new"), EXTERNAL, "added before"),
        ([key("a"), key("b", signing_from=NOW + 9)], key("new"), EXTERNAL, "b is announced already"),
    ],
)
def test_a_key_that_the_schedule_could_not_take_over_is_refused(
    keys: list[SigningKey], added: SigningKey, rules: Rules, match: str
) -> None:
    """With what to do instead."""
    with pytest.raises(RotationRefusedError, match=match) as refused:
        check_addition(keys, added, NOW, rules, compromised=False)
    assert refused.value.hint


def test_in_an_emergency_a_key_is_taken_whatever_is_announced() -> None:
    """The announced one is withdrawn with the others."""
    check_addition([key("b", signing_from=NOW + 9)], key("new"), NOW, EXTERNAL, compromised=True)


def test_a_key_that_a_clock_ahead_has_announced_keeps_no_other_out() -> None:
    """Nobody can wait until it signs; one that was withdrawn is awaited by nobody either."""
    ahead = key("b", signing_from=NOW + EXTERNAL.announcement + 1)
    withdrawn = key("c", signing_from=NOW + 9, retiring_from=NOW, gone_from=NOW)
    check_addition([ahead, withdrawn], key("new"), NOW, EXTERNAL, compromised=False)
