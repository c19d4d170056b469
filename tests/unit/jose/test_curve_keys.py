from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from jotary.jose import JOSEError, Key, base64url
from jotary.jose.key_types import ec_keys

NAMES = ["ES256", "ES384", "ES512", "EdDSA", "Ed448"]
SIZES = {"ES256": 32, "ES384": 48, "ES512": 66, "EdDSA": 32, "Ed448": 57}
KEYS = {name: Key.generate(name).to_jwk(private=True) for name in NAMES}
OTHERS = {name: Key.generate(name).to_jwk(private=True) for name in NAMES}
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    "ES512": (1 << 521) - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
}


def members_of(jwk: dict[str, Any]) -> list[str]:
    """The members that hold numbers."""
    return [name for name in ("x", "y", "d") if name in jwk]


def refused(jwk: dict[str, Any], why: str = "") -> None:
    """The key is refused, with a hint that holds none of its members."""
    with pytest.raises(JOSEError, match=f"invalid_key.*{why}") as error:
        Key.from_jwk(jwk)
    assert error.value.__context__ is None
    assert not [m for m in ("x", "y", "d") if isinstance(jwk.get(m), str) and jwk[m] and jwk[m] in str(error.value)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, 1, [], "", "A A", "AQAB=", "+w", "A", "é"])
def test_members_are_base64url_strings(name: str, value: object) -> None:
    """RFC 7518 §6.2, RFC 8037 §2."""
    for member in members_of(KEYS[name]):
        refused({**KEYS[name], member: value}, f"'{member}'")


@pytest.mark.parametrize("name", NAMES)
def test_members_have_one_length(name: str) -> None:
    """RFC 7518 §6.2.1.2, §6.2.2.1, RFC 8037 §2: as long as the field, zeros in front included."""
    for member in members_of(KEYS[name]):
        octets = base64url.decode(KEYS[name][member])
        assert len(octets) == SIZES[name]
        for wrong in (octets[1:], octets[:-1], b"\0" + octets, octets + b"\0", octets * 2):
            refused({**KEYS[name], member: base64url.encode(wrong)}, f"exactly {SIZES[name]} bytes")


@pytest.mark.parametrize("name", NAMES)
def test_public_members_are_required(name: str) -> None:
    """RFC 7518 §6.2.1, RFC 8037 §2: with `d` alone, what was published could be another key."""
    for member in {*members_of(KEYS[name])} - {"d"}:
        refused({key: value for key, value in KEYS[name].items() if key != member}, f"'{member}'")


@pytest.mark.parametrize("name", NAMES)
def test_the_private_part_belongs_to_the_public_part(name: str) -> None:
    """A key that signs for another public key leaks, in EdDSA, the private key (double public key attack)."""
    refused({**KEYS[name], "d": OTHERS[name]["d"]}, "does not belong")
    refused({**OTHERS[name], "d": KEYS[name]["d"]}, "does not belong")


@pytest.mark.parametrize("name", ORDERS)
def test_the_point_is_on_its_curve(name: str) -> None:
    """RFC 7518 §6.2.1: an invalid point leaks the private key of whoever computes with it."""
    jwk, size = {key: value for key, value in KEYS[name].items() if key != "d"}, SIZES[name]
    for x, y in (
        (bytes(size), bytes(size)),
        (b"\xff" * size, b"\xff" * size),
        (bytes(size), b"\0" * (size - 1) + b"\1"),
    ):
        refused({**jwk, "x": base64url.encode(x), "y": base64url.encode(y)}, "not a point")
    refused({**jwk, "x": jwk["y"], "y": jwk["x"]}, "not a point")
    refused({**jwk, "x": OTHERS[name]["x"]}, "not a point")


@pytest.mark.parametrize("name", ORDERS)
def test_the_private_number_is_in_range(name: str) -> None:
    """SEC 1 §3.2.1: from 1 to the order less one."""
    size = SIZES[name]
    private = int.from_bytes(base64url.decode(KEYS[name]["d"]), "big")
    wrong = [0, ORDERS[name], ORDERS[name] + 1]
    if (private + ORDERS[name]).bit_length() <= size * 8:
        wrong.append(private + ORDERS[name])
    for number in wrong:
        refused({**KEYS[name], "d": base64url.encode(number.to_bytes(size, "big"))})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("crv", ["secp256k1", "X25519", "X448", "ed448", "p-256", "P-224", "", "BP-256"])
def test_other_curves_are_not_supported(name: str, crv: str) -> None:
    """RFC 7518 §6.2.1.1, RFC 8037 §2: names are compared case by case."""
    with pytest.raises(JOSEError, match="unsupported_key"):
        Key.from_jwk({**KEYS[name], "crv": crv})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("crv", [None, 1, ["P-256"]])
def test_the_curve_is_a_string(name: str, crv: object) -> None:
    """RFC 7518 §6.2.1.1."""
    refused({**KEYS[name], "crv": crv}, "'crv'")


def test_a_curve_belongs_to_its_key_type() -> None:
    """RFC 8037 §2: Ed25519 is no EC curve, P-256 no OKP one."""
    for jwk, crv in ((KEYS["ES256"], "Ed25519"), (KEYS["EdDSA"], "P-256")):
        with pytest.raises(JOSEError, match="unsupported_key"):
            Key.from_jwk({**jwk, "crv": crv})
    refused({**KEYS["ES256"], "crv": "P-384"}, "exactly 48 bytes")
    refused({**KEYS["EdDSA"], "crv": "Ed448"}, "exactly 57 bytes|fit|must have its type")


def test_other_curves_of_the_library_are_not_supported() -> None:
    """From PEM as from a JWK."""
    with pytest.raises(JOSEError, match="unsupported_key"):
        ec_keys.from_object(ec.generate_private_key(ec.SECP256K1()))


@pytest.mark.parametrize("name", ORDERS)
def test_coordinates_keep_their_leading_zeros(name: str) -> None:
    """RFC 7518 §6.2.1.2: one coordinate in 256 begins with a zero byte, on P-521 every second one."""
    size = SIZES[name]
    for scalar in range(1, 3000):
        numbers = ec.derive_private_key(scalar, ec_keys._CURVES[KEYS[name]["crv"]]).private_numbers()
        public = numbers.public_numbers
        if min(public.x, public.y).bit_length() > 8 * (size - 1):
            continue
        jwk = ec_keys.from_object(numbers.private_key())
        assert jwk is not None
        assert {len(base64url.decode(jwk.public[member])) for member in ("x", "y")} == {size}
        assert len(base64url.decode(ec_keys.private_members(jwk)["d"])) == size
        return
    pytest.fail("no such key was found")
