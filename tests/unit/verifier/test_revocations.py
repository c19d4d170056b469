"""Cut-offs (design §6.3): tokens issued at or before a moment, by session, person, client or token."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary import Principal, Revocation, RevocationList
from jotary.tokens.revocation_feed import CutOff
from jotary.verifier.revocations import Kind, cut_off, withdrawn_keys

NOW = 1_800_000_000
PRINCIPAL = Principal(
    subject="ada",
    client_id="web",
    scopes=frozenset(),
    session_id="s1",
    issuer="https://id.example",
    audience=("https://api.example",),
    issued_at=NOW,
    expires_at=NOW + 300,
    jti="j1",
    _payload=b"{}",
)
NAMES: dict[Kind, str] = {"sid": "s1", "sub": "ada", "client_id": "web", "jti": "j1"}


def entry(kind: Kind, value: str, issued_before: int = NOW, expires_at: int = NOW + 300) -> Revocation:
    """A cut-off."""
    return Revocation(kind=kind, value=value, issued_before=issued_before, expires_at=expires_at)


def changed(**fields: Any) -> Principal:
    """The caller, with other claims."""
    return msgspec.structs.replace(PRINCIPAL, **fields)


def test_an_empty_list_refuses_nobody() -> None:
    """The usual case."""
    assert not RevocationList().refuses(PRINCIPAL)
    assert len(RevocationList()) == 0


@pytest.mark.parametrize("kind", NAMES)
def test_every_kind_of_cut_off_is_heeded(kind: Kind) -> None:
    """Each looks at its own claim, and at that alone."""
    assert RevocationList([entry(kind, NAMES[kind])]).refuses(PRINCIPAL)
    assert not RevocationList([entry(kind, "other")]).refuses(PRINCIPAL)
    for other in NAMES:
        if other != kind:
            assert not RevocationList([entry(other, NAMES[kind])]).refuses(PRINCIPAL)


@pytest.mark.parametrize(("issued_before", "refused"), [(NOW - 1, False), (NOW, True), (NOW + 1, True)])
def test_tokens_issued_at_or_before_the_moment_are_cut_off(issued_before: int, *, refused: bool) -> None:
    """A token of the same second may have been issued before; one of a later sign-in is good."""
    assert RevocationList([entry("sub", "ada", issued_before)]).refuses(PRINCIPAL) is refused


@pytest.mark.parametrize("value", ["", "None"])
def test_a_token_without_session_is_cut_off_by_no_session(value: str) -> None:
    """Client credentials (RFC 9068 §2.2)."""
    assert not RevocationList([entry("sid", value)]).refuses(changed(session_id=None))


def test_a_second_cut_off_never_shortens_the_first() -> None:
    """Whatever order a feed is read in."""
    early, late = entry("sub", "ada", NOW - 100, NOW + 10), entry("sub", "ada", NOW, NOW + 300)
    for order in ([early, late], [late, early]):
        revocations = RevocationList(order)
        assert list(revocations) == [late]
        assert revocations.refuses(PRINCIPAL)


def test_what_can_match_no_living_token_is_dropped() -> None:
    """Design §6.3: so the list stays tiny."""
    revocations = RevocationList([entry("sub", "ada", expires_at=NOW + 10), entry("sid", "x", expires_at=NOW + 20)])
    revocations.prune(NOW + 9)
    assert len(revocations) == 2
    revocations.prune(NOW + 10)
    assert [kept.value for kept in revocations] == ["x"]
    assert not revocations.refuses(PRINCIPAL)
    revocations.prune(NOW + 20)
    assert len(revocations) == 0
    revocations.add(entry("sub", "ada"))
    assert revocations.refuses(PRINCIPAL)


ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from(["sid", "sub", "client_id", "jti"]),
        st.sampled_from([*NAMES.values(), "other", ""]),
        st.integers(NOW - 3, NOW + 3),
        st.integers(NOW, NOW + 600),
    ),
    max_size=8,
)


@given(entries=ENTRIES, session_id=st.sampled_from([None, "s1", "other"]))
def test_the_look_up_agrees_with_the_rule(entries: list[Revocation], session_id: str | None) -> None:
    """Revocation: a token whose claim `kind` equals `value` and whose `iat` is at or before `issued_before`."""
    claims = {"sid": session_id, "sub": "ada", "client_id": "web", "jti": "j1"}
    expected = any(claims[one.kind] == one.value and one.issued_before >= NOW for one in entries)
    assert RevocationList(entries).refuses(changed(session_id=session_id)) is expected


def test_no_cut_off_is_lost_between_threads() -> None:
    """One thread follows a feed while another drops what has expired."""
    revocations = RevocationList()

    def add(start: int) -> None:
        for number in range(start, start + 200):
            revocations.add(entry("sid", str(number)))
            revocations.prune(NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(0, 800, 200)))
    assert len(revocations) == 800


def test_what_is_not_dropped_still_refuses() -> None:
    """Dropping what has expired leaves the rest as good as before."""
    revocations = RevocationList([entry("sub", "other", expires_at=NOW + 10), entry("sid", "s1")])
    revocations.prune(NOW + 10)
    assert revocations.refuses(PRINCIPAL)


def test_who_reads_the_list_reads_one_moment_of_it() -> None:
    """While another thread goes on adding."""
    revocations = RevocationList([entry("sid", "s1")])
    reading = iter(revocations)
    revocations.add(entry("sid", "s2"))
    assert [one.value for one in reading] == ["s1"]


@pytest.mark.parametrize("name", ["add", "prune", "read"])
def test_who_changes_the_list_is_alone_with_it(name: str) -> None:
    """Otherwise a cut-off that is added while others are dropped could go with them."""
    revocations = RevocationList()
    work: dict[str, Callable[[], object]] = {
        "add": lambda: revocations.add(entry("sid", "s1")),
        "prune": lambda: revocations.prune(NOW),
        "read": lambda: list(revocations),
    }
    changing = Thread(target=work[name], daemon=True)
    with revocations._lock:
        changing.start()
        changing.join(0.05)
        assert changing.is_alive()
    changing.join(30)
    assert not changing.is_alive()


def test_a_feeds_cut_offs_last_as_long_as_a_token_is_taken() -> None:
    """With this API's leeway; keys are no cut-offs, and go another way."""
    kinds: tuple[Literal["sid", "kid"], ...] = ("sid", "kid")
    said = [CutOff(kind=kind, value=kind, issued_before=NOW, expires_at=NOW + 300) for kind in kinds]
    revocations = RevocationList()
    cut_off(revocations, said, leeway=5)
    assert list(revocations) == [entry("sid", "sid", NOW, NOW + 305)]
    assert withdrawn_keys(said) == {"kid"}
