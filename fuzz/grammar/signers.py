"""Who signs a header and a payload that were changed."""

import hashlib
import hmac
from collections.abc import Callable

from fuzz.dice import Dice
from fuzz.scene import Good, Scene, base64url, json_text
from jotary.jose import Key

#: Takes the good token that it began with, the new header and the new payload.
Signer = Callable[[Dice, Scene, Good, bytes, bytes], bytes]

_HASHES = (hashlib.sha256, hashlib.sha384, hashlib.sha512)


def issuer(dice: Dice, scene: Scene, good: Good, header: bytes, payload: bytes) -> bytes:
    """The issuer itself: only the rules stand in the way."""
    return scene.sign(good.algorithm, header, payload)


def _kept(dice: Dice, scene: Scene, good: Good, header: bytes, payload: bytes) -> bytes:
    return b".".join((base64url(header), base64url(payload), good.parts[2]))


def _nobody(dice: Dice, scene: Scene, good: Good, header: bytes, payload: bytes) -> bytes:
    return b".".join((base64url(header), base64url(payload), dice.pick((b"", b"AA", b"null"))))


def _stranger(dice: Dice, scene: Scene, good: Good, header: bytes, payload: bytes) -> bytes:
    return scene.sign(good.algorithm, header, payload, scene.keys.stranger[good.algorithm])


def _hmac(dice: Dice, scene: Scene, good: Good, header: bytes, payload: bytes) -> bytes:
    """The public key, which everybody has, as a secret (RFC 8725 §2.1)."""
    key = scene.keys.issuer[good.algorithm]
    secret = dice.pick(_public_spellings(key))
    message = base64url(header) + b"." + base64url(payload)
    return message + b"." + base64url(hmac.new(secret, message, dice.pick(_HASHES)).digest())


def _public_spellings(key: Key) -> tuple[bytes, ...]:
    pem = key.to_pem().encode()
    return (pem, pem.strip(), json_text(key.to_jwk()), (key.kid or "").encode(), key.thumbprint().encode(), b"")


#: How often of a hundred which one signs.
SIGNERS: dict[str, tuple[int, Signer]] = {
    "signed by the issuer": (60, issuer),
    "with the old signature": (20, _kept),
    "unsigned": (8, _nobody),
    "signed by a stranger": (7, _stranger),
    "HMAC under what is public": (5, _hmac),
}
