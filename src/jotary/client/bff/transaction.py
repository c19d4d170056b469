"""One attempt to sign in, kept in the browser that started it until the answer comes back (RFC 6749 §10.12)."""

import hashlib
import itertools
from collections.abc import Callable
from typing import Final

import msgspec

from jotary.client.authorization import AuthorizationRequest
from jotary.client.bff import cookies
from jotary.client.bff.sealing import SEALING_ENTROPY, Sealer
from jotary.jose import base64url
from jotary.oauth.secret import Secret

PREFIX: Final = "__Host-signin-"
#: Seconds in which a person signs in, password manager and second factor included.
LIFETIME: Final = 900
#: Attempts that one browser may have open at once; the oldest give way, so that cookies do not pile up.
MOST: Final = 5
#: Characters that they may take together: a link can make them long, and web servers refuse all requests of a browser
#: whose cookies are longer than they read, 8 kB commonly.
MOST_LENGTH: Final = 4_096


class Transaction(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is needed to finish an attempt. Times in Unix seconds."""

    issuer: str
    state: Secret
    nonce: Secret
    code_verifier: Secret
    return_to: str
    expires_at: int


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    issuer: str
    state: str
    nonce: str
    code_verifier: str
    return_to: str
    expires_at: int

    def __repr__(self) -> str:
        return "<_Sealed>"


_decoder = msgspec.msgpack.Decoder(_Sealed)


class TransactionCookies:
    """One sealed cookie for each attempt, named after its `state`, so that several tabs may sign in at once.

    Args:
        sealer: seals them.
        entropy: so many bytes that nobody can guess.
    """

    def __init__(self, sealer: Sealer, entropy: Callable[[int], bytes]) -> None:
        self._sealer = sealer
        self._entropy = entropy

    def write(self, request: AuthorizationRequest, *, return_to: str, now: int, present: dict[str, str]) -> list[str]:
        """Set-Cookie headers that keep an attempt and drop those that are over, and the oldest when there are many."""
        sealed = _Sealed(
            issuer=request.issuer,
            state=request.state.reveal(),
            nonce=request.nonce.reveal(),
            code_verifier=request.code_verifier.reveal(),
            return_to=return_to,
            expires_at=now + LIFETIME,
        )
        name = _name(request.state.reveal())
        value = self._sealer.seal(msgspec.msgpack.encode(sealed), purpose=name, entropy=self._entropy(SEALING_ENTROPY))
        kept = self._kept(present, now, room=MOST_LENGTH - len(name) - len(value))
        dropped = [cookies.clear_cookie(one) for one in present if one.startswith(PREFIX) and one not in kept]
        return [cookies.set_cookie(name, value, max_age=LIFETIME), *dropped]

    def read(self, state: str, present: dict[str, str], *, now: int) -> Transaction | None:
        """The attempt that sent this `state`, if this browser started it and it is not over."""
        found = self._open(_name(state), present)
        return found if found is not None and now < found.expires_at else None

    def clear(self, state: str) -> str:
        """The Set-Cookie header that removes an attempt."""
        return cookies.clear_cookie(_name(state))

    def _kept(self, present: dict[str, str], now: int, *, room: int) -> list[str]:
        """The names of cookies that stay beside one more attempt: the newest ones, as far as there is room."""
        opened = {name: self._open(name, present) for name in present if name.startswith(PREFIX)}
        alive = {name: one.expires_at for name, one in opened.items() if one is not None and now < one.expires_at}
        newest = sorted(alive, key=alive.__getitem__, reverse=True)[: MOST - 1]
        lengths = itertools.accumulate(len(name) + len(present[name]) for name in newest)
        return [name for name, length in zip(newest, lengths, strict=True) if length <= room]

    def _open(self, name: str, present: dict[str, str]) -> Transaction | None:
        value = present.get(name)
        text = self._sealer.open(value, purpose=name) if value else None
        if text is None:
            return None
        try:
            sealed = _decoder.decode(text)
        except msgspec.MsgspecError:  # sealed by us, in a format of another version
            return None
        return Transaction(
            issuer=sealed.issuer,
            state=Secret(sealed.state),
            nonce=Secret(sealed.nonce),
            code_verifier=Secret(sealed.code_verifier),
            return_to=sealed.return_to,
            expires_at=sealed.expires_at,
        )


def _name(state: str) -> str:
    """The cookie of an attempt. A hash, since `state` comes from the URL and a cookie's name must be harmless."""
    return PREFIX + base64url.encode(hashlib.sha256(state.encode()).digest()[:12])
