"""Argon2id, and what every new password is hashed with."""

import argon2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jotary.server.passwords import argon2id

# "Zoë" with the diaeresis as one character, and as a combining one
COMPOSED, DECOMPOSED = "Zo\u00eb sleeps", "Zoe\u0308 sleeps"


def test_new_hashes_have_the_parameters_of_owasp() -> None:
    """OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane."""
    parameters = argon2.extract_parameters(argon2id.hash_password("correct horse"))
    assert parameters.type is argon2.Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19 * 1024, 2, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)


def test_the_hash_of_nobody_costs_what_a_new_one_costs() -> None:
    """Else an unknown account could be told from a wrong password by time."""
    assert argon2.extract_parameters(argon2id.NOBODY) == argon2.extract_parameters(argon2id.hash_password("any"))
    assert argon2id.needs_rehash(argon2id.NOBODY) is False


def test_every_hash_has_a_salt_of_its_own() -> None:
    """RFC 9106 §3.1: equal passwords must not be seen to be equal."""
    assert argon2id.hash_password("correct horse") != argon2id.hash_password("correct horse")


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=1024), st.text(max_size=1024))
def test_only_the_password_itself_fits(password: str, other: str) -> None:
    """Any text, the empty one and null characters included."""
    phc = argon2id.hash_password(password)
    assert argon2id.verify(phc, password)
    assert argon2id.verify(phc, password + other) == (argon2id._bytes(password + other) == argon2id._bytes(password))


def test_a_letter_fits_however_the_keyboard_wrote_it() -> None:
    """RFC 8265 §4.2.2: compared in normalisation form C."""
    assert COMPOSED != DECOMPOSED
    assert argon2id.verify(argon2id.hash_password(COMPOSED), DECOMPOSED)


def test_case_and_width_are_kept() -> None:
    """RFC 8265 §4.2.2: nothing else is mapped, or different passwords would fit."""
    phc = argon2id.hash_password("PassWord")
    assert not argon2id.verify(phc, "password")
    assert not argon2id.verify(phc, "\uff30assWord")  # a full-width P


@pytest.mark.parametrize(
    ("hasher", "is_needed"),
    [
        (argon2.PasswordHasher(time_cost=1, memory_cost=19 * 1024, parallelism=1), True),
        (argon2.PasswordHasher(time_cost=2, memory_cost=8 * 1024, parallelism=1), True),
        (argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=2), True),
        (argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=argon2.Type.I), True),
        (argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1), False),
    ],
)
def test_another_argon2_fits_and_is_rehashed(hasher: argon2.PasswordHasher, is_needed: bool) -> None:
    """Design §5: imported hashes are replaced at the next sign-in."""
    phc = hasher.hash("correct horse")
    assert argon2id.verify(phc, "correct horse")
    assert argon2id.needs_rehash(phc) is is_needed


def computing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that are computed from now on; each fits."""
    computed: list[str] = []

    def verify(_self: argon2.PasswordHasher, phc: str, _password: bytes) -> bool:
        computed.append(phc)
        return True

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    return computed


@pytest.mark.parametrize(
    "parameters",
    ["m=4194304,t=1,p=1", "m=262145,t=1,p=1", "m=262144,t=17,p=1", "m=8,t=4294967295,p=1", "m=136,t=1,p=17"],
)
def test_a_hash_that_asks_for_too_much_is_not_computed(parameters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design §9: who can write a row, as an import does, must not take all memory, or a thread for hours."""
    computed = computing(monkeypatch)
    phc = argon2id.NOBODY.replace("m=19456,t=2,p=1", parameters)
    assert argon2id.verify(phc, "correct horse") is False
    assert computed == []


@pytest.mark.parametrize("parameters", ["m=262144,t=16,p=1", "m=102400,t=2,p=8", "m=65536,t=3,p=4", "m=128,t=1,p=16"])
def test_hashes_as_other_systems_make_them_are_computed(parameters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's, argon2-cffi's, libsodium's moderate ones, and the bounds themselves."""
    computed = computing(monkeypatch)
    phc = argon2id.NOBODY.replace("m=19456,t=2,p=1", parameters)
    assert argon2id.verify(phc, "correct horse") is True
    assert computed == [phc]


@pytest.mark.parametrize(
    "phc", ["", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$$", argon2id.NOBODY[:-3], "$2b$12$x"]
)
def test_a_broken_hash_fits_nothing(phc: str) -> None:
    """And raises nothing: one broken row must not turn sign-in into an error."""
    assert argon2id.verify(phc, "correct horse") is False
