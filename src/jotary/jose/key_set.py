"""A set of public keys, found by kid and algorithm (RFC 7517 §5)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jotary.jose import header as headers
from jotary.jose import strict_json
from jotary.jose.algorithms import ALGORITHMS, unsupported_algorithm
from jotary.jose.errors import JOSEError
from jotary.jose.header import Header
from jotary.jose.key import Key
from jotary.jose.signatures import Verify

MAX_KEYS = 128
MAX_SIZE = 1 << 20  # bytes of a JWK Set
_MAX_KNOWN = 256

# What a header says, what verifies its tokens, and whether all their payloads were of the usual kind: alg, typ, the
# function, the guess. A plain tuple, as in `jose.compact`.
Known = tuple[str, str | None, Verify, bool]


@dataclass(frozen=True, slots=True)
class IgnoredKey:
    """A key of a JWK Set that cannot be used, and why.

    Attributes:
        index: its place in the ``keys`` array.
        kid: its name, where it has one that is a string.
        reason: what is wrong with it.
    """

    index: int
    kid: str | None
    reason: str


class KeySet:
    """Public keys for verification. It never holds a private or a symmetric key.

    Args:
        keys: of a private key the public part is taken.

    Attributes:
        ignored: the keys of the JWK Set that cannot be used.
        known: what stands in headers that were remembered, by their text.

    Raises:
        JOSEError: ``too_large`` for more than 128 keys; ``invalid_key`` for a symmetric key or for a kid that names
            more than one key.
    """

    __slots__ = ("_by_kid", "_keys", "_verifiers", "ignored", "known")

    def __init__(self, keys: Iterable[Key] = (), *, ignored: Iterable[IgnoredKey] = ()) -> None:
        self._keys = tuple(keys)
        _check_count(len(self._keys))
        if any(key.is_symmetric for key in self._keys):
            raise JOSEError("invalid_key", "a key set holds public keys; pass a symmetric key by itself")
        self._keys = tuple(key.public() for key in self._keys)
        named = [key for key in self._keys if key.kid is not None]
        self._by_kid = {key.kid: key for key in named}
        if len(self._by_kid) != len(named):
            raise JOSEError("invalid_key", "a kid must name one key of a set")
        # Found in one step: this is on the path of every token
        self._verifiers = {(key.kid, name): key.verifier(name) for key in named for name in key.verifying_algorithms}
        self.ignored = tuple(ignored)
        self.known: dict[bytes, Known] = {}

    @classmethod
    def from_jwks(cls, jwks: Mapping[str, Any] | bytes) -> "KeySet":
        """Read a JWK Set; keys that cannot be used are left out and listed in ``ignored`` (RFC 7517 §5).

        Raises:
            JOSEError: ``bad_json`` when it is not JSON, ``invalid_key`` when it is not a JWK Set, ``too_large`` for
                more than 128 keys.
        """
        entries = _entries(strict_json.loads_object(jwks, max_size=MAX_SIZE) if isinstance(jwks, bytes) else jwks)
        read = [_read(entry) for entry in entries]
        counts = Counter(key.kid for key in read if isinstance(key, Key) and key.kid is not None)
        keys, ignored = [], []
        for index, key in enumerate(read):
            if isinstance(key, str):
                ignored.append(IgnoredKey(index, _kid(entries[index]), key))
            elif key.kid is not None and counts[key.kid] > 1:
                ignored.append(IgnoredKey(index, key.kid, "its kid names more than one key"))
            else:
                keys.append(key)
        return cls(keys, ignored=ignored)

    def select(self, kid: str | None, algorithm: str) -> Key:
        """Return the one key that a token's header names.

        Args:
            kid: the header's ``kid``; without one, exactly one key of the set must fit the algorithm.
            algorithm: the header's ``alg``, already checked to be allowed.

        Raises:
            JOSEError: ``unknown_key``, or ``key_not_usable`` when the key is not for this algorithm.
        """
        if algorithm not in ALGORITHMS:
            raise unsupported_algorithm()
        if kid is not None:
            key = self._by_kid.get(kid)
            if key is None:
                raise JOSEError("unknown_key", "the key set has no key with the token's kid")
            key.verifier(algorithm)
            return key
        fitting = [key for key in self._keys if algorithm in key.verifying_algorithms]
        if len(fitting) != 1:
            raise JOSEError("unknown_key", f"the token has no kid and {len(fitting)} keys of the set fit its algorithm")
        return fitting[0]

    def verifier(self, algorithm: str, kid: str | None) -> Verify:
        """Return the function of (signature, message) that verifies, of the key that ``select`` returns.

        Raises:
            JOSEError: as ``select``.
        """
        verify = self._verifiers.get((kid, algorithm))
        return self.select(kid, algorithm).verifier(algorithm) if verify is None else verify

    def remember(self, header: Header) -> None:
        """Keep the header of a token that verified with a key of this set, for the next that has the same one.

        It says nothing of a token but which algorithm and key its header names: keys never change in a set.
        """
        if header.text in headers.remembered and not header.unencoded:
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            self.known[header.text] = (header.alg, header.typ, self.verifier(header.alg, header.kid), True)

    def expect_any(self, text: bytes) -> None:
        """Note that a payload under this header was out of the usual, as those to come may be. No verdict hangs on it.

        Args:
            text: of a header, in base64url; nothing happens if it is not known.
        """
        known = self.known.get(text)
        if known is not None:
            self.known[text] = (*known[:3], False)

    def get(self, kid: str) -> Key | None:
        """Return the key with this kid, or None."""
        return self._by_kid.get(kid)

    def to_jwks(self) -> dict[str, Any]:
        """Return the set as a JWK Set: public members only."""
        return {"keys": [key.to_jwk() for key in self._keys]}

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys, in their order."""
        return iter(self._keys)

    def __len__(self) -> int:
        """Return how many keys can be used."""
        return len(self._keys)

    def __repr__(self) -> str:
        """Return how many keys it has."""
        return f"<KeySet {len(self._keys)} keys, {len(self.ignored)} ignored>"


def _check_count(count: int) -> None:
    if count > MAX_KEYS:
        raise JOSEError("too_large", f"a key set may hold {MAX_KEYS} keys")


def _entries(document: object) -> list[Any]:
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise JOSEError("invalid_key", "a JWK Set is an object with an array 'keys' (RFC 7517 §5.1)")
    _check_count(len(entries))
    return entries


def _read(entry: Any) -> Key | str:
    """Return the key, or why it cannot be used."""
    try:
        key = Key.from_public_jwk(entry)
    except JOSEError as error:
        return str(error)
    return key if key.verifying_algorithms else "it may not be used to verify signatures"


def _kid(entry: object) -> str | None:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    return kid if isinstance(kid, str) else None
