"""Walking along the chain: each way to tamper with it, by somebody who can make links and no stamp."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from jotary.server.flows.audit.chain import link, new_chain
from jotary.server.flows.audit.walk import Finding, Walk
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.sealed_event import SealedEvent


def _sealed(seal: bytes, events: Sequence[SealedEvent]) -> list[SealedEvent]:
    done = []
    for event in events:
        seal = link(seal, event)
        done.append(replace(event, seal=seal))
    return done


def _event(position: int) -> SealedEvent:
    return SealedEvent(position=position, kind="a.b", at=1_750_000_000 + position, detail="{}")


@pytest.fixture
def chain() -> AuditChain:
    """Of six events, the first of which retention has taken."""
    start = new_chain(1_750_000_000)
    seals = [each.seal or b"" for each in _sealed(start.anchor_seal, [_event(number) for number in range(1, 7)])]
    anchored = replace(start, anchor_position=1, anchor_count=1, anchor_seal=seals[0])
    return replace(anchored, head_position=6, head_count=6, head_seal=seals[-1])


@pytest.fixture
def events(chain: AuditChain) -> list[SealedEvent]:
    """The five that are left."""
    return _sealed(chain.anchor_seal, [_event(number) for number in range(2, 7)])


def _found(chain: AuditChain, events: Sequence[SealedEvent]) -> Finding | None:
    walk = Walk(chain)
    for event in events:
        walk.take(event)
    return walk.finding()


def test_what_is_as_it_was_sealed_is_well(chain: AuditChain, events: list[SealedEvent]) -> None:
    """From the anchor to the head."""
    assert _found(chain, events) is None


@pytest.mark.parametrize("inserted", [0, 1])
def test_links_that_were_made_anew_do_not_lead_to_the_head(
    chain: AuditChain, events: list[SealedEvent], inserted: int
) -> None:
    """Anybody can make links; the head is stamped."""
    others = [replace(events[0], kind="c.d"), *events[1:-1], *[events[-1]] * (1 + inserted)]
    finding = _found(chain, _sealed(chain.anchor_seal, others))
    assert finding is not None
    assert (finding.code, finding.position) == ("changed", None)


@pytest.mark.parametrize(("left", "last"), [(3, 4), (0, 1)])
def test_an_end_that_was_cut_off_is_missed(chain: AuditChain, events: list[SealedEvent], left: int, last: int) -> None:
    """Behind the last that is left, or behind what retention took."""
    finding = _found(chain, events[:left])
    assert finding is not None
    assert (finding.code, finding.position) == ("cut_off", last)
    assert f"{5 - left} sealed events" in finding.problem


@pytest.mark.parametrize(("gone", "words"), [(1, "an event was deleted"), (2, "2 events were deleted")])
def test_what_was_deleted_is_counted(chain: AuditChain, events: list[SealedEvent], gone: int, words: str) -> None:
    """And named is the one behind it."""
    finding = _found(chain, events[gone:])
    assert finding is not None
    assert (finding.code, finding.position) == ("deleted", events[gone].position)
    assert words in finding.problem


@pytest.mark.parametrize("seal", [None, bytes(32)])
def test_what_was_inserted_is_named(chain: AuditChain, events: list[SealedEvent], seal: bytes | None) -> None:
    """With a seal of its own, or none."""
    stranger = replace(_event(3), kind="c.d", seal=seal)
    finding = _found(chain, [*events[:1], stranger, *events[1:]])
    assert finding is not None
    assert (finding.code, finding.position) == ("inserted", 3)


def test_what_was_put_in_the_place_of_another_without_a_seal_was_inserted(
    chain: AuditChain, events: list[SealedEvent]
) -> None:
    """As many as there were, and one that was never sealed."""
    finding = _found(chain, [*events[:1], replace(events[1], kind="c.d", seal=None), *events[2:]])
    assert finding is not None
    assert (finding.code, finding.position) == ("inserted", 3)


def test_the_first_seal_behind_the_head_is_named(chain: AuditChain, events: list[SealedEvent]) -> None:
    """However many there are."""
    walk = Walk(chain)
    for event in (*events, *_sealed(chain.head_seal, [_event(7), _event(8)])):
        walk.take(event)
    assert (walk.beyond, walk.sealed, walk.unsealed) == (7, 5, 2)
