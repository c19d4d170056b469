"""The refresh token: derived from the session's row, so that nothing but the row is stored (design §6.1).

`jrt_` ‖ base64url(session id, 20 bytes ‖ generation, 4 bytes big-endian ‖ HMAC-SHA256 over both, 32 bytes)
"""

import hmac
from typing import Final

import msgspec

from jotary.jose import JOSEError, base64url

PREFIX: Final = "jrt_"

_SESSION_ID_SIZE: Final = 20
_GENERATION_SIZE: Final = 4
_MAC_SIZE: Final = 32
_SIGNED_SIZE: Final = _SESSION_ID_SIZE + _GENERATION_SIZE
_KEY_SIZE: Final = 32

#: Characters of a refresh token, always.
LENGTH: Final = len(PREFIX) + -(-(_SIGNED_SIZE + _MAC_SIZE) * 4 // 3)


class RefreshToken(msgspec.Struct, frozen=True):
    """What a refresh token says, once its MAC held: which session, and which of its tokens."""

    session_id: str
    generation: int


class RefreshTokens:
    """Mints refresh tokens under one key and reads those of several. It never shows them.

    What a token says is the same under every key, so a session goes on while the server's secret is replaced: a token
    that was minted under the old one rotates into one under the new one, and is repeated as that.

    Args:
        key: 32 bytes, derived from the server's secret for this purpose alone.
        accepted: keys of the same kind, derived from the secrets that are accepted beside it.
    """

    __slots__ = ("_key", "_keys")

    def __init__(self, key: bytes, *accepted: bytes) -> None:
        if any(len(each) != _KEY_SIZE for each in (key, *accepted)):
            raise ValueError(f"the refresh token key has {_KEY_SIZE} bytes")
        self._key = key
        self._keys = (key, *accepted)

    def mint(self, session_id: str, generation: int) -> str:
        """The token of a session's generation: the same one every time.

        Raises:
            ValueError: the session id was not made by `new_identifier`, or the generation does not fit.
        """
        try:
            row = base64url.decode(session_id)
            signed = row + generation.to_bytes(_GENERATION_SIZE, "big")
        except (JOSEError, OverflowError) as error:
            raise ValueError("no refresh token has this session id and generation") from error
        if len(row) != _SESSION_ID_SIZE:
            raise ValueError(f"a session id has {_SESSION_ID_SIZE} bytes")
        return PREFIX + base64url.encode(signed + _mac(self._key, signed))

    def parse(self, text: str) -> RefreshToken | None:
        """What the token says if this server minted it, else None; needs no database, so forgeries cost nothing."""
        if len(text) != LENGTH or not text.startswith(PREFIX):
            return None
        try:
            raw = base64url.decode(text[len(PREFIX) :])
        except JOSEError:
            return None
        signed, mac = raw[:_SIGNED_SIZE], raw[_SIGNED_SIZE:]
        if not any(hmac.compare_digest(mac, _mac(key, signed)) for key in self._keys):
            return None
        generation = int.from_bytes(signed[_SESSION_ID_SIZE:], "big")
        return RefreshToken(base64url.encode(signed[:_SESSION_ID_SIZE]), generation)


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")
