"""RSA moduli from a broken generator of smart cards and TPMs, which anybody can factor (ROCA, CVE-2017-15361).

Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, §2.2: such a modulus is a power of 65537 modulo every
small prime. An honest one passes all of these tests with a probability below 2^-27.
"""

_GENERATOR = 65_537
_PRIMES = tuple(p for p in range(3, 168) if all(p % q for q in range(2, p)))


def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(_GENERATOR, exponent, prime) for exponent in range(prime - 1))


_FINGERPRINT = tuple((prime, _powers(prime)) for prime in _PRIMES)


def is_weak(modulus: int) -> bool:
    """Tell whether the modulus has the fingerprint of the broken generator."""
    return all(modulus % prime in powers for prime, powers in _FINGERPRINT)
