"""Walking along the chain event by event, in constant memory, and naming the first one that does not fit. Pure."""

from typing import Literal

import msgspec

from jotary.server.flows.audit.chain import link
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.sealed_event import SealedEvent

Code = Literal[
    "changed", "deleted", "inserted", "cut_off", "set_back", "head_unknown", "chain_missing", "chain_not_genuine"
]


class Finding(msgspec.Struct, frozen=True):
    """What does not fit: where, and what is likely to have happened. `position` None: nowhere in particular."""

    code: Code
    problem: str
    position: int | None = None


class Walk:
    """One walk from the anchor to the head and beyond.

    Args:
        chain: its ends, which are genuine.
        noted: a seal that was noted elsewhere and must be met.
    """

    def __init__(self, chain: AuditChain, noted: bytes | None = None) -> None:
        self._chain = chain
        self._noted = noted
        self._is_met = noted in (None, chain.anchor_seal)
        self._seal = chain.anchor_seal
        self._last = chain.anchor_position
        self._misfit: SealedEvent | None = None
        self.sealed = 0
        self.unsealed = 0
        self.beyond: int | None = None  # the first event behind the head that has a seal

    def take(self, event: SealedEvent) -> None:
        """The next event in order of position."""
        if event.position > self._chain.head_position:
            self.unsealed += 1
            if event.seal is not None and self.beyond is None:
                self.beyond = event.position
            return
        self.sealed += 1
        self._last = event.position
        expected = link(self._seal, event)
        if event.seal != expected and self._misfit is None:
            self._misfit = event
        self._seal = expected
        self._is_met = self._is_met or event.seal == self._noted

    def finding(self) -> Finding | None:
        """What does not fit; None when everything does."""
        missing = self._chain.head_count - self._chain.anchor_count - self.sealed
        if self._misfit is not None:
            return _explain(self._misfit, missing)
        if missing <= 0 and self._seal != self._chain.head_seal:
            problem = "the events fit each other and not the end of the chain: they were changed, and sealed anew"
            return Finding("changed", problem)
        if missing:
            problem = f"the end was cut off: {missing} sealed events are missing behind event {self._last}"
            return Finding("cut_off", problem, self._last)
        if not self._is_met:
            problem = (
                "the noted head is not in the trail: it was cut off and sealed anew, was set back to an older state, "
                "or retention has removed what was noted"
            )
            return Finding("head_unknown", problem)
        return None


def _explain(misfit: SealedEvent, missing: int) -> Finding:
    at = misfit.position
    if missing > 0:
        gone = f"{missing} events were deleted" if missing > 1 else "an event was deleted"
        return Finding("deleted", f"event {at} does not follow on the one before it: {gone} there or further on", at)
    if missing < 0 or misfit.seal is None:
        return Finding("inserted", f"event {at} does not fit: an event was inserted there or right before it", at)
    return Finding("changed", f"event {at} is not as it was sealed: it was changed, or changed places with another", at)
