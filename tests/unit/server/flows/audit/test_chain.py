"""What a seal stands for, byte by byte: seals of today must hold under every later release."""

import base64
import hashlib
import hmac

from jotary.server.flows.audit.chain import GENESIS, canonical, link, new_chain, stamped
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


def test_a_stamp_is_a_mac_over_the_format_and_all_that_the_record_says() -> None:
    """RFC 2104: records of today must be believed by every later release, and the key stamps nothing else."""
    genesis = base64.b64encode(GENESIS).decode()
    text = (
        f'{{"anchor_count":0,"anchor_position":0,"anchor_seal":"{genesis}","begun_at":7,"head_count":0,'
        f'"head_position":0,"head_seal":"{genesis}","id":"trail","sealed_at":7}}'
    )
    expected = hmac.digest(b"k" * 32, b"jotary/audit/v1" + text.encode(), "sha256")
    assert stamped(new_chain(7), b"k" * 32).stamp == expected
