import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from jotary.jose import JOSEError, Key, base64url
from jotary.jose.key_types import roca, rsa_keys

KEY = Key.generate("RS256")
PRIVATE = KEY.to_jwk(private=True)
PUBLIC = KEY.to_jwk()
OTHER = Key.generate("RS256").to_jwk(private=True)
MEMBERS = ("n", "e", "d", "p", "q", "dp", "dq", "qi")


def text(number: int) -> str:
    """A Base64urlUInt (RFC 7518 §2)."""
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8 or 1, "big"))


def number(jwk: dict[str, Any], member: str) -> int:
    """The number of a member."""
    return int.from_bytes(base64url.decode(jwk[member]), "big")


def refused(jwk: dict[str, Any], why: str) -> None:
    """The key is refused, with a hint that holds none of its members."""
    with pytest.raises(JOSEError, match=f"invalid_key.*{why}") as error:
        Key.from_jwk(jwk)
    assert error.value.__context__ is None
    assert not [m for m in MEMBERS if isinstance(jwk.get(m), str) and len(jwk[m]) > 8 and jwk[m] in str(error.value)]


@pytest.mark.parametrize("exponent", [0, 1, 3, 17, 257, 65535, 65536, 65538, 2**32, 2**32 + 1, 2**64 + 13])
def test_public_exponents_out_of_bounds_are_refused(exponent: int) -> None:
    """NIST SP 800-56B §6.2: odd and above 2^16; ours: below 2^32."""
    refused({**PUBLIC, "e": text(exponent)}, "fewest bytes" if exponent == 0 else "exponent")


@pytest.mark.parametrize("exponent", [65537, 65539, 2**32 - 1])
def test_public_exponents_within_bounds_are_taken(exponent: int) -> None:
    """The bounds themselves belong to what is taken."""
    assert Key.from_jwk({**PUBLIC, "e": text(exponent)}).to_jwk()["e"] == text(exponent)


@pytest.mark.parametrize(("bits", "taken"), [(2047, False), (2048, True), (8192, True), (8193, False), (16384, False)])
def test_the_modulus_has_2048_to_8192_bits(bits: int, *, taken: bool) -> None:
    """RFC 7518 §3.3; the upper bound keeps whoever publishes a key set from burning the verifier's time."""
    modulus = {**PUBLIC, "n": text((1 << (bits - 1)) + 0xC1A55)}
    if taken:
        assert Key.from_jwk(modulus).kty == "RSA"
    else:
        refused(modulus, "modulus must have")


def test_an_even_modulus_is_refused() -> None:
    """It is no product of two odd primes."""
    refused({**PUBLIC, "n": text(number(PUBLIC, "n") - 1)}, "odd")


def test_a_modulus_of_the_broken_generator_is_refused() -> None:
    """CVE-2017-15361: the modulus is a power of 65537 modulo every small prime, which an honest one is not."""
    primorial = math.prod(roca._PRIMES)
    factor = (1 << 2047) // primorial + 1
    weak = pow(65537, 0xC0FFEE, primorial) + primorial * factor
    if weak % 2 == 0:
        weak += primorial
    assert roca.is_weak(weak)
    refused({**PUBLIC, "n": text(weak)}, "CVE-2017-15361")
    assert not roca.is_weak(weak + 2)
    assert not roca.is_weak(number(PUBLIC, "n"))


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("value", [None, 1, [], "", "A A", "AQAB=", "+w", "A", "é"])
def test_members_are_base64url_strings(member: str, value: object) -> None:
    """RFC 7518 §6.3."""
    refused({**PRIVATE, member: value}, f"'{member}'")


@pytest.mark.parametrize("member", MEMBERS)
def test_numbers_are_written_in_the_fewest_bytes(member: str) -> None:
    """RFC 7518 §2: a leading zero byte would be a second spelling, with another thumbprint."""
    refused({**PRIVATE, member: base64url.encode(b"\0" + base64url.decode(PRIVATE[member]))}, "fewest bytes")


@pytest.mark.parametrize("member", ["n", "e"])
def test_public_members_are_required(member: str) -> None:
    """RFC 7518 §6.3.1."""
    refused({name: value for name, value in PUBLIC.items() if name != member}, f"'{member}'")


@pytest.mark.parametrize("member", ["p", "q", "dp", "dq", "qi"])
def test_private_members_come_together(member: str) -> None:
    """RFC 7518 §6.3.2: with one of the CRT members all of them, and never without `d`."""
    refused({name: value for name, value in PRIVATE.items() if name != member}, f"'{member}'")
    refused({**PUBLIC, member: PRIVATE[member]}, "needs 'd'")
    refused({**PUBLIC, "d": PRIVATE["d"], member: PRIVATE[member]}, "must be a base64url")


@pytest.mark.parametrize("member", ["n", "d", "p", "q", "dp", "dq", "qi"])
def test_private_members_that_do_not_belong_together_are_refused(member: str) -> None:
    """A key whose parts disagree leaks its factors with the first signature (Bellcore), or signs for another key."""
    refused({**PRIVATE, member: OTHER[member]}, "belong")
    refused({**PRIVATE, member: text(number(PRIVATE, member) + 2)}, "belong")


@pytest.mark.parametrize("member", ["n", "d"])
def test_a_private_exponent_of_another_key_is_refused(member: str) -> None:
    """RFC 7518 §6.3.2 allows `d` alone; the primes are then found from it."""
    alone = {**PUBLIC, "d": PRIVATE["d"]}
    assert Key.from_jwk(alone).to_jwk(private=True).keys() == PRIVATE.keys()
    refused({**alone, member: OTHER[member]}, "belong")
    refused({**alone, member: text(number(PRIVATE, member) + 2)}, "belong")


def test_a_private_exponent_of_one_is_refused() -> None:
    """It signs by copying, and finding the primes from it would not end."""
    refused({**PUBLIC, "d": text(1)}, "belong")
    refused({**PRIVATE, "d": text(1)}, "belong")


def powers(call: Callable[[], object]) -> int:
    """How many modular powers, of which each may take milliseconds, Python computes in a call."""
    seen: list[object] = []

    def profile(_: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called is pow:
            seen.append(called)

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(seen)


def test_the_primes_are_found_from_every_private_exponent_that_fits() -> None:
    """RFC 8017 §3.2: d is the inverse of e modulo lcm(p - 1, q - 1); FIPS 186-4 had it modulo their product, too."""
    for jwk in (PRIVATE, OTHER, Key.generate("RS256").to_jwk(private=True)):
        n, e, p, q = (number(jwk, member) for member in ("n", "e", "p", "q"))
        for modulus in (math.lcm(p - 1, q - 1), (p - 1) * (q - 1)):
            alone = {"kty": "RSA", "n": text(n), "e": text(e), "d": text(pow(e, -1, modulus))}
            read = Key.from_jwk(alone).to_jwk(private=True)
            assert {read["p"], read["q"]} == {jwk["p"], jwk["q"]}


def test_no_primes_are_guessed() -> None:
    """Of a prime modulus there are none to be found, and each guess takes as long as the modulus is wide."""
    modulus = 2**2048 - 1_942_289
    assert pow(3, modulus - 1, modulus) == 1
    d = pow(65537, -1, modulus - 1)
    jwk = {"kty": "RSA", "n": text(modulus), "e": "AQAB", "d": text(d)}
    assert powers(lambda: refused(jwk, "belong")) == 0
    assert powers(lambda: pow(3, 5, 7)) == 1


def test_a_private_exponent_is_below_the_modulus() -> None:
    """RFC 8017 §3.2: a longer one signs the same, and whatever is done with it takes as long as it is."""
    n, e, p, q = (number(PRIVATE, member) for member in ("n", "e", "p", "q"))
    longer = number(PRIVATE, "d") + (p - 1) * (q - 1) * 2
    assert longer > n
    assert longer * e % math.lcm(p - 1, q - 1) == 1
    for jwk in (PRIVATE, PUBLIC):
        refused({**jwk, "d": text(longer)}, "below the modulus")
        refused({**jwk, "d": "_" * 40_000}, "below the modulus")
        refused({**jwk, "d": jwk["n"]}, "below the modulus")


def test_more_than_two_primes_are_refused() -> None:
    """RFC 7518 §6.3.2.7: a consumer that does not support `oth` must not use the key."""
    refused({**PRIVATE, "oth": [{"r": "AQ", "d": "AQ", "t": "AQ"}]}, "more than two primes")
    refused({**PUBLIC, "oth": []}, "needs 'd'")


def test_keys_of_the_library_meet_the_same_rules() -> None:
    """From PEM as from a JWK: the size and the exponent."""
    for bits, exponent in ((1024, 65537), (2048, 3)):
        with pytest.raises(JOSEError, match="invalid_key"):
            rsa_keys.from_object(rsa.generate_private_key(exponent, bits))
