"""What binds a signing key's row to the server's secret (docs/decisions/0017)."""

import secrets

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import Key, strict_json
from jotary.server.keyring import Sealer, SealError
from jotary.server.keyring.seal import NONCE_SIZE
from jotary.server.keyring.stamp import Witness, is_current, is_genuine, stamp_of_old, stamped
from jotary.server.model.signing_key import SigningKey

SEALER = Sealer(bytes(range(32)))
OTHER = Sealer(bytes(32))
NONCE = bytes(NONCE_SIZE)
PRIVATE = Key.generate("ES256")
KID = PRIVATE.kid or ""
OLD = SigningKey(
    id=KID,
    algorithm="ES256",
    public_jwk=PRIVATE.public().to_jwk(),
    sealed_private_key=SEALER.seal(strict_json.dumps(PRIVATE.to_jwk(private=True)), kid=KID, nonce=NONCE),
    announced_at=1,
    signing_from=2,
)
KEY = stamped(OLD, SEALER, secrets.token_bytes)

records = st.builds(
    SigningKey,
    id=st.text(st.characters(exclude_categories=["Cs"])),
    algorithm=st.text(st.characters(exclude_categories=["Cs"])),
    public_jwk=st.dictionaries(st.sampled_from("abcxy"), st.text(st.characters(exclude_categories=["Cs"]))),
    sealed_private_key=st.binary(max_size=40),
    announced_at=st.integers(0, 2**62),
    signing_from=st.integers(0, 2**62),
    retiring_from=st.none() | st.integers(0, 2**62),
    gone_from=st.none() | st.integers(0, 2**62),
)


@given(records, records)
def test_a_stamp_is_for_one_row(one: SigningKey, other: SigningKey) -> None:
    """Of any two rows that differ anywhere, the stamp of one says nothing about the other."""
    made = stamped(one, SEALER, secrets.token_bytes)
    assert is_genuine(made, SEALER)
    assert is_genuine(msgspec.structs.replace(other, stamp=made.stamp), SEALER) == (one == other)


@given(records, st.sampled_from([name for name in SigningKey.__struct_fields__ if name != "stamp"]), records)
def test_no_column_can_be_taken_from_another_row(one: SigningKey, name: str, other: SigningKey) -> None:
    """Each alone."""
    made = stamped(one, SEALER, secrets.token_bytes)
    mixed = msgspec.structs.replace(made, **{name: getattr(other, name)})
    assert is_genuine(mixed, SEALER) == (mixed == made)


@given(st.integers(0, len(KEY.stamp) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_stamp_is_refused(place: int, change: int) -> None:
    """The version, the nonce and the tag."""
    changed = bytearray(KEY.stamp)
    changed[place] ^= change
    assert not is_genuine(msgspec.structs.replace(KEY, stamp=bytes(changed)), SEALER)


@pytest.mark.parametrize("size", range(len(KEY.stamp)))
def test_a_cut_stamp_is_refused(size: int) -> None:
    """Also one that is too short to hold a tag."""
    assert not is_genuine(msgspec.structs.replace(KEY, stamp=KEY.stamp[:size]), SEALER)


def test_a_stamp_and_a_sealed_key_are_told_apart() -> None:
    """An empty private half that was sealed for a row's text is not that row's stamp, nor the other way round."""
    sealed = SEALER.seal(b"", kid="text", nonce=NONCE)
    assert not SEALER.is_stamp(sealed, text=b"text")
    assert not SEALER.is_stamp(b"\x02" + sealed[1:], text=b"text")
    stamp = SEALER.stamp(b"kid", nonce=NONCE)
    for passed_off in (stamp, b"\x01" + stamp[1:]):
        with pytest.raises(SealError):
            SEALER.unseal(passed_off, kid="kid")


def test_a_stamp_under_an_accepted_secret_holds_and_is_known_as_such() -> None:
    """While the server's secret is replaced."""
    both = Sealer(bytes(32), bytes(range(32)))
    assert is_genuine(KEY, both)
    assert not is_current(KEY, both)
    assert is_current(KEY, SEALER)
    assert not is_genuine(KEY, OTHER)


@pytest.mark.parametrize("size", [0, 11, 13])
def test_the_nonce_of_a_stamp_has_its_size(size: int) -> None:
    """NIST SP 800-38D §8.2."""
    with pytest.raises(ValueError, match="nonce"):
        SEALER.stamp(b"", nonce=bytes(size))


def old_stamp(key: SigningKey, sealer: Sealer = SEALER) -> bytes:
    """What an upgrade gives a row."""
    return stamp_of_old(key, sealer, secrets.token_bytes)


def test_an_old_row_is_believed_by_its_sealed_half() -> None:
    """Its private half is sealed for a `kid` that is the thumbprint of the public one (RFC 7638)."""
    assert is_genuine(msgspec.structs.replace(OLD, stamp=old_stamp(OLD)), SEALER)


ATTACKER = Key.generate("ES256")
RENAMED = {**ATTACKER.public().to_jwk(), "kid": KID}


@pytest.mark.parametrize(
    "changed",
    [
        {"public_jwk": ATTACKER.public().to_jwk()},
        {"public_jwk": RENAMED},
        {"public_jwk": {**OLD.public_jwk, "kid": "other"}},
        {"public_jwk": {**OLD.public_jwk, "alg": "RS256"}},
        {"public_jwk": {**OLD.public_jwk, "y": "AAAA"}},
        {"public_jwk": {}},
        {"algorithm": "EdDSA"},
    ],
)
def test_an_old_row_with_another_public_half_is_not_believed(changed: dict[str, object]) -> None:
    """Whatever name it gives itself."""
    assert old_stamp(msgspec.structs.replace(OLD, **changed)) == b""


def test_an_old_row_that_does_not_open_stops_the_upgrade_unless_it_signs_no_more() -> None:
    """The secret is probably another one, and without stamps the keys would be lost."""
    with pytest.raises(SealError, match="does not open"):
        old_stamp(OLD, OTHER)
    attackers = msgspec.structs.replace(OLD, id=ATTACKER.kid, public_jwk=ATTACKER.public().to_jwk())
    with pytest.raises(SealError, match="does not open"):
        old_stamp(attackers)
    assert old_stamp(msgspec.structs.replace(attackers, retiring_from=3, gone_from=9)) == b""


def believed(witness: Witness, *ends: int | None) -> list[bool]:
    """Whether the key is believed as its row changes."""
    rows = (stamped(msgspec.structs.replace(KEY, gone_from=end), SEALER, secrets.token_bytes) for end in ends)
    return [bool(witness.judge([row]).believed) for row in rows]


def test_an_end_comes_nearer_and_never_moves_away() -> None:
    """It is decided, and an emergency brings it forward."""
    assert believed(Witness(SEALER), None, 20, 20, 10) == [True, True, True, True]
    assert believed(Witness(SEALER), 20, 21) == [True, False]
    assert believed(Witness(SEALER), 20, None, 20) == [True, False, False]


def test_what_was_away_does_not_come_back() -> None:
    """And what was never seen may come, as after a start."""
    witness = Witness(SEALER)
    assert witness.judge([KEY]) == ([KEY], [])
    assert witness.judge([]) == ([], [])
    assert witness.judge([KEY]) == ([], [KEY])
    assert Witness(SEALER).judge([KEY]) == ([KEY], [])
