"""Argon2id (RFC 9106), with the parameters that every new password is hashed with."""

import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP Password Storage Cheat Sheet: m=19 MiB, t=2, p=1. One lane, so that a hash costs one thread and the pool's size
# is the number of cores in use (design §5).
_ARGON2ID: Final = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)

# What a stored hash may ask for; one that asks for more is refused instead of starving the server.
_MOST_MEMORY: Final = 256 * 1024  # KiB, for scrypt as well (`imported.py`)
_MOST_WORK: Final = 16 * _MOST_MEMORY  # KiB, passed over once for each of `t`: some two seconds
_MOST_LANES: Final = 16  # threads, all of one hash

#: The hash of nobody's password, with today's parameters: verifying it costs what verifying a real one costs.
NOBODY: Final = f"$argon2id$v=19$m={19 * 1024},t=2,p=1${'A' * 22}${'A' * 43}"


def hash_password(password: str) -> str:
    """Return the PHC string of a new password, with a fresh salt."""
    return _ARGON2ID.hash(_bytes(password))


def verify(phc: str, password: str) -> bool:
    """Whether the password fits an Argon2 hash of any variant, and of any parameters that a server can bear."""
    try:
        return _is_bearable(phc) and _ARGON2ID.verify(phc, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(phc: str) -> bool:
    """Whether an Argon2 hash differs from what `hash_password` makes today.

    Raises:
        ValueError: it is not an Argon2 hash.
    """
    return _ARGON2ID.check_needs_rehash(phc)


def _is_bearable(phc: str) -> bool:
    asked = extract_parameters(phc)
    work = asked.memory_cost * asked.time_cost
    return asked.memory_cost <= _MOST_MEMORY and work <= _MOST_WORK and asked.parallelism <= _MOST_LANES


def _bytes(password: str) -> bytes:
    # RFC 8265 §4.2.2: keyboards write the same letter in different ways; composed, they are the same password
    return unicodedata.normalize("NFC", password).encode()
