"""The links of the chain, and the stamp on its ends. Pure.

A seal is SHA-256 over the seal before it and the event, so that each one stands for all events before it, and anybody
can follow the chain without a secret. The stamp is an HMAC over the ends, so that nobody who can merely write to the
database can make another chain that passes for this one.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec

from jotary.jose import JOSEError, strict_json
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.sealed_event import SealedEvent

_FORMAT: Final = b"jotary/audit/v1"

#: What the first event is linked to.
GENESIS: Final = hashlib.sha256(_FORMAT).digest()

#: Before every event, also one that somebody has put where the database puts none.
BEFORE_ALL: Final = -(2**63) + 1

_encode = msgspec.json.Encoder(order="deterministic").encode


class BrokenTrailError(Exception):
    """The trail is not as it was sealed, so it is neither sealed on nor shortened.

    Attributes:
        problem: what is wrong, without a full stop.
        hint: what to do, a sentence.
    """

    hint: ClassVar[str] = "Find out more with: jotary audit verify"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def canonical(event: SealedEvent) -> bytes:
    """The event as JSON in one form: members that have a value, sorted by name, no white space, UTF-8.

    What has no value is left out, so that a member added one day does not break the seals of today.
    """
    members = {name: value for name, value in msgspec.structs.asdict(event).items() if value is not None}
    members.pop("seal", None)
    members["detail"] = _meaning(event.detail)
    return _encode(members)


def _meaning(detail: str) -> Any:
    """The object, if the text has one meaning; else the text itself, which is then no event that jotary wrote."""
    try:
        return strict_json.loads_object(detail.encode())
    except JOSEError:
        return detail


def link(seal: bytes, event: SealedEvent) -> bytes:
    """The event's seal, given the seal of the event before it."""
    return hashlib.sha256(seal + canonical(event)).digest()


def new_chain(now: int) -> AuditChain:
    """A chain without events; `now` in Unix seconds."""
    return AuditChain(
        begun_at=now,
        anchor_position=0,
        anchor_count=0,
        anchor_seal=GENESIS,
        head_position=0,
        head_count=0,
        head_seal=GENESIS,
        sealed_at=now,
    )


def stamped(chain: AuditChain, key: bytes) -> AuditChain:
    """The chain with its stamp under a key."""
    return msgspec.structs.replace(chain, stamp=_stamp(chain, key))


def is_genuine(chain: AuditChain, keys: Sequence[bytes]) -> bool:
    """Whether the stamp was made under one of the keys."""
    return any(hmac.compare_digest(_stamp(chain, key), chain.stamp) for key in keys)


def check_genuine(chain: AuditChain, keys: Sequence[bytes]) -> None:
    """Refuse ends that somebody else made.

    Raises:
        BrokenTrailError: the stamp was made under none of the keys.
    """
    if not is_genuine(chain, keys):
        raise BrokenTrailError("the record of the audit trail's chain was not stamped under this server's secret")


def _stamp(chain: AuditChain, key: bytes) -> bytes:
    members = msgspec.structs.asdict(chain)
    del members["stamp"]
    return hmac.digest(key, _FORMAT + _encode(members), "sha256")
