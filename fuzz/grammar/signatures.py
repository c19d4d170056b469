"""What is done to the signature alone: header and payload stay what the issuer signed."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fuzz.dice import Dice
from fuzz.oracle import octets_of
from fuzz.scene import Good, Scene, base64url

#: Takes a good token and its signature, and returns other signature bytes.
Change = Callable[[Dice, Scene, Good, bytes], bytes]

_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # the order n (FIPS 186-5, P-256)
_L25519 = 2**252 + 27742317777372353535851937790883648493  # the order L (RFC 8032 §5.1)


def signature_changed(dice: Dice, scene: Scene, good: Good, change: Change) -> bytes:
    """The good token under the other signature."""
    header, payload, signature = good.parts
    return b".".join((header, payload, base64url(change(dice, scene, good, octets_of(signature) or b""))))


def _bit(dice: Dice, scene: Scene, good: Good, signature: bytes) -> bytes:
    changed = bytearray(signature)
    changed[dice.below(len(changed))] ^= 1 << dice.below(8)
    return bytes(changed)


def _length(dice: Dice, scene: Scene, good: Good, signature: bytes) -> bytes:
    count = dice.below(len(signature)) + 1
    return dice.pick((signature[:-count], signature[count:], signature + signature[:count], b"\0" + signature, b""))


def _constant(dice: Dice, scene: Scene, good: Good, signature: bytes) -> bytes:
    return dice.pick((b"\0", b"\xff", b"\x01")) * len(signature)


def _random(dice: Dice, scene: Scene, good: Good, signature: bytes) -> bytes:
    return dice.octets(len(signature))


def _of_another_token(dice: Dice, scene: Scene, good: Good, signature: bytes) -> bytes:
    other = dice.pick(scene.good[dice.pick((good.algorithm, dice.pick(scene.algorithms)))])
    return octets_of(other.parts[2]) or b""


def _of_a_stranger(dice: Dice, scene: Scene, good: Good, signature: bytes) -> bytes:
    message = good.text.rpartition(b".")[0]
    return scene.keys.stranger[good.algorithm].signer(good.algorithm)(message)


def _numbers(dice: Dice, scene: Scene, good: Good, signature: bytes) -> bytes:
    """Other integers r and s (FIPS 186-5 §6.4.2): out of range, negated, exchanged, or in DER."""
    if good.algorithm != "ES256":
        return _scalar(dice, good.algorithm, signature)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if dice.one_in(6):
        return encode_dss_signature(r, s)
    edges = (0, 1, _P256 - 1, _P256, _P256 + 1, 2**256 - 1)
    pairs = ((r, _P256 - s), (_P256 - r, s), (s, r), (r, dice.pick(edges)), (dice.pick(edges), s))
    wide = ((r + _P256, s), (r, s + _P256), (dice.pick(edges), dice.pick(edges)))
    first, second = dice.pick((*pairs, *wide))
    size = 33 if max(first, second) >> 256 else 32
    return first.to_bytes(size, "big") + second.to_bytes(size, "big")


def _scalar(dice: Dice, algorithm: str, signature: bytes) -> bytes:
    if algorithm == "EdDSA":  # RFC 8032 §8.4: S and S + L must not both be good
        second = int.from_bytes(signature[32:], "little") + _L25519 * dice.pick((1, 2, 7))
        point = dice.pick((signature[:32], b"\x01" + bytes(31), bytes(32), b"\xed" + b"\xff" * 30 + b"\x7f"))
        return point + (second % 2**256).to_bytes(32, "little")
    if algorithm == "RS256":
        value = dice.pick((0, 1, 2, 2**2047, 2**2048 - 1, int.from_bytes(signature, "big") + 2**2048))
        return value.to_bytes(257 if value >> 2048 else 256, "big")
    place = dice.below(len(signature))
    return signature[:place] + dice.octets(80)[: len(signature) - place] + signature[place + 80 :]


SIGNATURES: dict[str, Change] = {
    "one bit": _bit,
    "another length": _length,
    "one byte repeated": _constant,
    "random bytes": _random,
    "that of another token": _of_another_token,
    "that of a stranger": _of_a_stranger,
    "other numbers": _numbers,
}
