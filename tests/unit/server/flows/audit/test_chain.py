"""What a seal stands for, byte by byte: seals of today must hold under every later release."""

import hashlib

from jotary.server.flows.audit.chain import GENESIS, canonical, link
from jotary.server.model.sealed_event import SealedEvent

EVENT = SealedEvent(position=7, kind="sign_in.accepted", at=9, user_id="u", detail='{"methods": ["pwd"], "a": 1}')
TEXT = b'{"at":9,"detail":{"a":1,"methods":["pwd"]},"kind":"sign_in.accepted","position":7,"user_id":"u"}'


def test_what_has_no_value_is_no_part_of_an_event() -> None:
    """A member that a later release adds is empty in all events before it, and leaves their seals as they are."""
    assert canonical(EVENT) == TEXT


def test_a_seal_is_the_digest_of_the_seal_before_and_the_event() -> None:
    """FIPS 180-4: anybody can follow the chain, with no more than SHA-256."""
    assert hashlib.sha256(b"jotary/audit/v1").digest() == GENESIS
    assert link(GENESIS, EVENT) == hashlib.sha256(GENESIS + TEXT).digest()
