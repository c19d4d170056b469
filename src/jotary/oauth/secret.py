"""A value that must not be seen: it does not print, does not compare with `==`, and does not reach a log."""

import hashlib
import hmac
from typing import Final, NoReturn


class Secret:
    """Holds a password, client secret, token or key. Only `reveal` gives it out, so every use can be searched for."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap the text of a secret."""
        self._value: Final = value

    def __repr__(self) -> str:
        """Nothing of the value, not even its length."""
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        """The same in an f-string."""
        return repr(self)

    def __eq__(self, other: object) -> NoReturn:
        """Refuse: `==` takes time that tells how much was right. Use `matches`."""
        raise TypeError("compare secrets with Secret.matches")

    __hash__ = None  # type: ignore[assignment]  # no look-ups by secret either

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied somewhere else."""
        raise TypeError("a Secret is not serialised")

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def matches(self, other: "Secret") -> bool:
        """Whether both hold the same text, in constant time."""
        return hmac.compare_digest(self._value.encode(), other.reveal().encode())

    def sha256(self) -> bytes:
        """The SHA-256 of the text: enough to store for secrets of high entropy (design §8)."""
        return hashlib.sha256(self._value.encode()).digest()

    def matches_sha256(self, digest: bytes) -> bool:
        """Whether the text has this SHA-256, in constant time."""
        return hmac.compare_digest(self.sha256(), digest)
