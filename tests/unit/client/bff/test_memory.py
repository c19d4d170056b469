"""What a process remembers: the newest generation until it has arrived, and who has left."""

import msgspec
import pytest

from jotary.client.bff import memory
from jotary.client.bff.memory import EndedSessions, RecentSessions
from jotary.client.bff.session import Session
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret

NOW = 1_800_000_000


def session(generation: int = 0, name: str = "one") -> Session:
    """A session at a generation."""
    tokens = TokenSet(
        access_token=Secret(f"at-{generation}"),
        refresh_token=Secret(f"rt-{generation}"),
        id_token=None,
        scopes=(),
        obtained_at=NOW,
        expires_at=NOW + 300,
    )
    return Session(
        id=name, generation=generation, subject="p", name=None, email=None, expires_at=NOW + 9000, tokens=tokens
    )


def test_a_lost_answer_is_made_good_however_late() -> None:
    """Nobody has shown the new cookie, so the old one is the browser's, not a thief's copy."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    assert recent.newest(session(0), now=NOW + 86_400).generation == 1


def test_once_the_new_cookie_has_arrived_the_old_one_is_left_to_the_issuer() -> None:
    """Two copies are in use: one of them may be a thief's, and the issuer must see it (design §6.1)."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    recent.newest(session(1), now=NOW + 31)
    assert recent.newest(session(0), now=NOW + 32).generation == 0


def test_within_the_retry_window_an_old_cookie_is_healed_even_then() -> None:
    """A slow answer has overwritten the newer cookie; the issuer would heal it as well."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    recent.newest(session(1), now=NOW + 1)
    assert recent.newest(session(0), now=NOW + 29).generation == 1
    assert recent.newest(session(0), now=NOW + 30).generation == 0


def test_a_cookie_of_two_generations_ago_is_never_healed() -> None:
    """A browser is at most one answer behind."""
    recent = RecentSessions()
    recent.remember(session(2), now=NOW)
    assert recent.newest(session(0), now=NOW).generation == 0


def test_a_newer_cookie_from_another_process_is_believed() -> None:
    """And what was remembered is forgotten."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    assert recent.newest(session(2), now=NOW).generation == 2
    assert recent.newest(session(0), now=NOW).generation == 0


def test_an_older_generation_never_replaces_a_newer_one() -> None:
    """Two refreshes of one session may end in any order."""
    recent = RecentSessions()
    recent.remember(session(2), now=NOW)
    recent.remember(session(1), now=NOW)
    assert recent.latest(session(1)).generation == 2
    assert recent.latest(session(3)).generation == 3


def test_asking_for_the_latest_does_not_count_as_an_arrival() -> None:
    """Only a browser's cookie shows what a browser has."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    recent.latest(session(1))
    assert recent.newest(session(0), now=NOW + 40).generation == 1


def test_sessions_do_not_mix() -> None:
    """Neither newest nor latest nor forgetting touches another session."""
    recent = RecentSessions()
    recent.remember(session(1, "one"), now=NOW)
    recent.remember(session(5, "two"), now=NOW)
    recent.forget("one")
    assert recent.newest(session(0, "one"), now=NOW).generation == 0
    assert recent.latest(session(4, "two")).id == "two"


def test_the_memory_of_refreshes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes."""
    monkeypatch.setattr(memory, "MOST_RECENT", 3)
    recent = RecentSessions()
    for number in range(5):
        recent.remember(session(1, str(number)), now=NOW)
    assert [recent.latest(session(0, str(number))).generation for number in range(5)] == [0, 0, 1, 1, 1]


def test_an_ended_session_is_refused() -> None:
    """And nobody else."""
    ended = EndedSessions()
    ended.add("one", until=NOW + 300, now=NOW)
    assert "one" in ended
    assert "two" not in ended


def test_the_memory_of_ended_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has expired goes first, then what was ended first."""
    monkeypatch.setattr(memory, "MOST_ENDED", 3)
    ended = EndedSessions()
    for number, until in enumerate([900, 200, 900, 900]):
        ended.add(str(number), until=NOW + until, now=NOW + 200)
    assert [str(number) in ended for number in range(4)] == [True, False, True, True]
    ended.add("4", until=NOW + 900, now=NOW + 200)
    assert [str(number) in ended for number in range(5)] == [False, False, True, True, True]


def test_ending_a_session_again_never_shortens_its_end() -> None:
    """It could not be revoked the first time, so it is remembered for as long as it could live."""
    ended = EndedSessions()
    ended.add("one", until=NOW + 9000, now=NOW)
    ended.add("one", until=NOW + 300, now=NOW)
    assert ended._ended["one"] == NOW + 9000


def test_a_session_does_not_print_its_tokens() -> None:
    """Secrets never print."""
    assert "at-0" not in repr(session())
    assert "rt-0" not in str(msgspec.structs.asdict(session()))


def test_what_has_arrived_stays_so() -> None:
    """The same generation, remembered again, does not make the old cookie good again."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    recent.newest(session(1), now=NOW + 1)
    recent.remember(session(1), now=NOW + 29)
    assert recent.newest(session(0), now=NOW + 31).generation == 0


def test_a_session_that_was_refreshed_again_is_not_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is at work keeps their place."""
    monkeypatch.setattr(memory, "MOST_RECENT", 2)
    recent = RecentSessions()
    for generation, name in ((1, "one"), (1, "two"), (2, "one"), (1, "three")):
        recent.remember(session(generation, name), now=NOW)
    assert [recent.latest(session(0, name)).generation for name in ("one", "two", "three")] == [2, 0, 1]


def test_what_nobody_needs_to_be_healed_from_is_forgotten() -> None:
    """The new cookie has arrived and the window is over: the tokens are not kept any longer."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    recent.newest(session(1), now=NOW + 30)
    assert not recent._renewed


def test_a_browser_that_has_moved_on_is_not_set_back() -> None:
    """An answer that took minutes still holds the generation of its beginning; the one that arrived is forgotten."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    recent.remember(session(2), now=NOW + 240)
    assert not recent.has_moved_on(session(1))  # nobody has shown the second one
    recent.newest(session(2), now=NOW + 280)
    assert recent.has_moved_on(session(1))
    assert not recent.has_moved_on(session(2))
    recent.newest(session(0), now=NOW + 281)  # a copy
    recent.remember(session(3), now=NOW + 480)
    assert recent.has_moved_on(session(1))


def test_a_generation_of_another_process_counts_as_well() -> None:
    """It was shown here, wherever it was made."""
    recent = RecentSessions()
    recent.remember(session(1), now=NOW)
    recent.newest(session(1), now=NOW + 31)
    recent.newest(session(2), now=NOW + 240)
    assert recent.has_moved_on(session(1))


def test_what_browsers_have_shown_is_bounded_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As what is remembered for them."""
    monkeypatch.setattr(memory, "MOST_RECENT", 2)
    recent = RecentSessions()
    for number, name in enumerate(("one", "two", "one", "three"), start=1):
        recent.remember(session(number, name), now=NOW)
        recent.newest(session(number, name), now=NOW)
    assert [recent.has_moved_on(session(0, name)) for name in ("one", "two", "three")] == [True, False, True]
    recent.forget("one")
    recent.newest(session(9, "one"), now=NOW)
    assert list(recent._shown) == ["three"]
