"""Whether a token is good, decided without jotary: by what was signed, by `cryptography`, and by `fuzz.rules`.

A token is legitimate only if what its signature covers is, byte for byte, something that the issuer signed, if its
signature verifies under the issuer's key, and if what it says breaks no rule. So an ECDSA signature (r, n - s), which
anybody can make of (r, s) (RFC 8725 leaves it; SEC 1 §4.1.4 takes it), is legitimate: the content is what was signed.
A second spelling of the same signature bytes is not (RFC 7515 §2).
"""

import base64
import enum
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from fuzz import rules
from fuzz.rules import Json

_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")


class Stage(enum.IntEnum):
    """How far a token gets; the order is that of the verifier (`jotary.verifier.check`)."""

    FORM = 1
    ALGORITHM = 2
    KEY = 3
    SIGNATURE = 4
    JSON = 5
    CONTENT = 6
    LEGITIMATE = 7


class Judgement(NamedTuple):
    """What is wrong with a token.

    Attributes:
        stage: where it must be stopped.
        broken: the checks that it breaks there; a refusal must name one of them.
    """

    stage: Stage
    broken: frozenset[str] = frozenset()


class Published(NamedTuple):
    """A key of the issuer: the algorithm that it is for, and the public key as `cryptography` has it."""

    algorithm: str
    public_key: Any


LEGITIMATE = Judgement(Stage.LEGITIMATE)


class Oracle:
    """Judges tokens for one API.

    Args:
        published: the issuer's keys by kid.
        algorithms: those that the API takes.
        max_size: characters.
        broken: the rules that a header and claims break, by the name of the check.
    """

    def __init__(
        self,
        published: Mapping[str, Published],
        algorithms: frozenset[str],
        max_size: int,
        broken: Callable[[Json, Json], Iterable[str]],
    ) -> None:
        self._published = published
        self._algorithms = algorithms
        self._max_size = max_size
        self._broken = broken

    def judge(self, token: str | bytes, signed: Callable[[bytes], bool]) -> Judgement:
        """Say where the token must be stopped; `signed` tells whether the issuer ever signed these very bytes."""
        parts = self._parts(token)
        if parts is None:
            return _stopped(Stage.FORM, "token")
        header_text, payload_text, signing_input, signature_text = parts
        texts = [octets_of(part) for part in (header_text, payload_text, signature_text)]
        header = None if texts[0] is None else rules.read_object(texts[0])
        malformed = set()
        if header is None or texts[1] is None or texts[2] is None or rules.header_is_malformed(header):
            malformed.add("token")
        if header is not None and rules.critical_is_refused(header):
            malformed |= {"crit", "token"}
        if malformed or header is None:
            return Judgement(Stage.FORM, frozenset(malformed))
        stopped = self._unsigned(header, signing_input, texts[2] or b"", signed)
        return stopped or self._content(header, texts[1] or b"")

    def _parts(self, token: str | bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
        if len(token) > self._max_size:
            return None
        text = token if isinstance(token, bytes) else token.encode("utf-8", "surrogatepass")
        parts = text.split(b".")
        return (parts[0], parts[1], parts[0] + b"." + parts[1], parts[2]) if len(parts) == 3 else None

    def _unsigned(
        self, header: Json, signing_input: bytes, signature: bytes, signed: Callable[[bytes], bool]
    ) -> Judgement | None:
        algorithm = header["alg"]
        if algorithm not in self._algorithms:
            return _stopped(Stage.ALGORITHM, "alg")
        kid = header.get("kid")
        fitting = [key for key in self._published.values() if key.algorithm == algorithm]
        key = self._published.get(kid) if kid is not None else (fitting[0] if len(fitting) == 1 else None)
        if key is None:
            return _stopped(Stage.KEY, "kid")
        if key.algorithm != algorithm:
            return _stopped(Stage.KEY, "alg")
        # What nobody signed has no signature: the arithmetic is spared where it could only confirm that.
        if not signed(signing_input) or not verifies(key, signature, signing_input):
            return _stopped(Stage.SIGNATURE, "signature")
        return None

    def _content(self, header: Json, payload: bytes) -> Judgement:
        claims = rules.read_object(payload)
        if claims is None:
            return _stopped(Stage.JSON, "token")
        broken = frozenset(self._broken(header, claims))
        return Judgement(Stage.CONTENT, broken) if broken else LEGITIMATE


def _stopped(stage: Stage, name: str) -> Judgement:
    return Judgement(stage, frozenset({name}))


def octets_of(text: bytes) -> bytes | None:
    """The bytes that base64url without padding stands for; None for any other spelling (RFC 7515 §2)."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        return None
    octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    return octets if base64.urlsafe_b64encode(octets).rstrip(b"=") == text else None


def verifies(key: Published, signature: bytes, message: bytes) -> bool:
    """Ask `cryptography` itself."""
    try:
        _VERIFY[key.algorithm](key.public_key, signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _rsa(key: Any, signature: bytes, message: bytes) -> None:
    key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


def _p256(key: Any, signature: bytes, message: bytes) -> None:
    if len(signature) != 64:
        raise InvalidSignature
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


def _bare(key: Any, signature: bytes, message: bytes) -> None:
    key.verify(signature, message)


_VERIFY: dict[str, Callable[[Any, bytes, bytes], None]] = {
    "RS256": _rsa,
    "ES256": _p256,
    "EdDSA": _bare,
    "ML-DSA-44": _bare,
}
