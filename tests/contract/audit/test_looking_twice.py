"""Verifying a trail page by page, while its chain goes on, is set back, or is gone."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from jotary.server.flows.audit import verification
from jotary.server.flows.audit.sealing import Sealing
from jotary.server.flows.audit.verification import verify
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.store import Store

pytestmark = pytest.mark.anyio

KEYS = (b"k" * 32,)


class _Looks:
    """A store whose chain is what is found at each look; the last one stays."""

    def __init__(self, store: Store, *chains: AuditChain | None) -> None:
        self._store, self._chains = store, list(chains)

    async def audit_chain(self) -> AuditChain | None:
        return self._chains.pop(0) if len(self._chains) > 1 else self._chains[0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
async def chains(trail: Store, now: int, event: Callable[[int, int], Event]) -> tuple[AuditChain, AuditChain]:
    """The chain of seven events, and the one after it, when another was sealed."""
    earlier = await trail.audit_chain()
    await trail.commit(AddEvent(event(8, now)))
    later = (await Sealing(trail, KEYS)(now)).chain
    assert earlier is not None
    assert later is not None
    return earlier, later


async def test_what_was_sealed_meanwhile_is_well(trail: Store, chains: tuple[AuditChain, AuditChain]) -> None:
    """A server seals on while somebody verifies."""
    store: Any = _Looks(trail, *chains)
    assert (await verify(store, KEYS)).finding is None


@pytest.mark.parametrize("found", ["nothing", "a forged one", "the same"])
async def test_a_seal_behind_the_head_needs_a_chain_of_ours(
    trail: Store, chains: tuple[AuditChain, AuditChain], found: str
) -> None:
    """A record that is gone, or was made by somebody else meanwhile, explains nothing."""
    earlier, later = chains
    looks = {"nothing": None, "a forged one": replace(later, stamp=bytes(32)), "the same": earlier}
    store: Any = _Looks(trail, earlier, looks[found])
    finding = (await verify(store, KEYS)).finding
    assert finding is not None
    assert (finding.code, finding.position) == ("set_back", later.head_position)


async def test_what_does_not_fit_is_told_though_a_server_seals_on(
    trail: Store, chains: tuple[AuditChain, AuditChain], tamper: Callable[..., Any]
) -> None:
    """A seal behind the head that has its reason does not excuse what lies before it."""
    await tamper("UPDATE events SET user_id = 'mallory' WHERE position = :at", at=(await trail.events())[3].position)
    store: Any = _Looks(trail, *chains)
    finding = (await verify(store, KEYS)).finding
    assert finding is not None
    assert finding.code == "changed"


async def test_whoever_watches_hears_of_each_page(trail: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long trail takes its time."""
    monkeypatch.setattr(verification, "PAGE", 3)
    pages: list[int] = []
    report = await verify(trail, KEYS, advance=pages.append)
    assert (report.sealed, pages) == (7, [3, 3, 1])


async def test_without_its_chain_the_first_sealed_event_is_named(trail: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages there are."""
    monkeypatch.setattr(verification, "PAGE", 3)
    (first, *_) = await trail.sealed_events()
    store: Any = _Looks(trail, None)
    report = await verify(store, KEYS)
    assert report.finding is not None
    assert (report.finding.code, report.finding.position, report.unsealed) == ("chain_missing", first.position, 7)
