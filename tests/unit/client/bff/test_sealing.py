"""What the browser carries for us can be neither read nor changed there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.bff.sealing import SEALING_ENTROPY, Sealer

ENTROPY = b"e" * SEALING_ENTROPY
SEALER = Sealer([b"s" * 32])


@given(text=st.binary(max_size=5000), purpose=st.text(max_size=40), entropy=st.binary(min_size=24, max_size=24))
def test_what_is_sealed_opens_to_the_same_text(text: bytes, purpose: str, entropy: bytes) -> None:
    """A round trip loses nothing."""
    assert SEALER.open(SEALER.seal(text, purpose=purpose, entropy=entropy), purpose=purpose) == text


@given(text=st.binary(max_size=200), data=st.data())
def test_any_changed_character_is_refused(text: bytes, data: st.DataObject) -> None:
    """NIST SP 800-38D: the tag covers every bit, and the alphabet has one spelling for each."""
    sealed = SEALER.seal(text, purpose="__Host-session", entropy=ENTROPY)
    place = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_.=+/ é").filter(lambda character: character != sealed[place]))
    assert SEALER.open(sealed[:place] + other + sealed[place + 1 :], purpose="__Host-session") is None


@given(text=st.binary(max_size=200), data=st.data())
def test_any_cut_or_longer_text_is_refused(text: bytes, data: st.DataObject) -> None:
    """No part of a sealed text stands for a part of what is in it."""
    sealed = SEALER.seal(text, purpose="p", entropy=ENTROPY)
    end = data.draw(st.integers(0, len(sealed) - 1))
    for changed in (sealed[:end], sealed[end + 1 :], sealed + "A", sealed + sealed):
        assert SEALER.open(changed, purpose="p") is None


@given(sealed=st.text(max_size=300))
def test_no_foreign_text_is_opened_or_breaks_anything(sealed: str) -> None:
    """Whatever a browser sends, the answer is no, never an exception."""
    assert SEALER.open(sealed, purpose="__Host-session") is None


def test_what_is_sealed_for_one_purpose_opens_for_no_other() -> None:
    """The cookie of a sign-in that has only begun must not pass for a session."""
    sealed = SEALER.seal(b"text", purpose="__Host-signin-x", entropy=ENTROPY)
    assert SEALER.open(sealed, purpose="__Host-session") is None


def test_another_secret_opens_nothing() -> None:
    """Neither another application nor a leaked old configuration."""
    assert Sealer([b"t" * 32]).open(SEALER.seal(b"text", purpose="p", entropy=ENTROPY), purpose="p") is None


def test_a_secret_is_replaced_without_losing_what_the_old_one_sealed() -> None:
    """The first secret seals, all of them open."""
    both = Sealer([b"n" * 32, b"s" * 32])
    assert both.open(SEALER.seal(b"text", purpose="p", entropy=ENTROPY), purpose="p") == b"text"
    assert Sealer([b"n" * 32]).open(both.seal(b"text", purpose="p", entropy=ENTROPY), purpose="p") == b"text"


def test_the_same_text_never_looks_the_same_twice() -> None:
    """Each message has its own key and nonce, from the entropy it is given."""
    sealed = {SEALER.seal(b"text", purpose="p", entropy=bytes([n]) * SEALING_ENTROPY) for n in range(10)}
    assert len({one[20:] for one in sealed}) == 10


def test_the_salt_alone_changes_the_key() -> None:
    """Two messages under one nonce share no key stream, so nonces that collide give nothing away."""
    one = SEALER.seal(b"\x00" * 32, purpose="p", entropy=b"a" * 12 + b"n" * 12)
    other = SEALER.seal(b"\x00" * 32, purpose="p", entropy=b"b" * 12 + b"n" * 12)
    assert one[34:70] != other[34:70]


@pytest.mark.parametrize("secrets", [[], [b"short"], [b"s" * 31], [b"s" * 32, b"short"]])
def test_a_secret_that_can_be_guessed_is_refused(secrets: list[bytes]) -> None:
    """At least 32 bytes, for each of them."""
    with pytest.raises(ValueError, match="32 random bytes"):
        Sealer(secrets)


def test_a_sealer_does_not_print_its_keys() -> None:
    """Secrets never print."""
    assert repr(SEALER) == "<Sealer 1 secrets>"


@pytest.mark.parametrize("size", [0, 12, 23, 25])
def test_too_little_entropy_is_refused(size: int) -> None:
    """A nonce that is cut short would be used twice."""
    with pytest.raises(ValueError, match="24 random bytes"):
        SEALER.seal(b"text", purpose="p", entropy=b"e" * size)


def test_what_an_earlier_release_sealed_still_opens() -> None:
    """Version 1, byte for byte: whoever changes it signs everybody out."""
    sealed = SEALER.seal(b"text", purpose="p", entropy=bytes(range(24)))
    assert sealed == "AQABAgMEBQYHCAkKCwwNDg8QERITFBUWF2vln3sdKwNen9mmaJz9508Rrwv2"
