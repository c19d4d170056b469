"""The session of one browser: what the sealed cookie holds, and how it is written and read."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from jotary.client.bff import cookies
from jotary.client.bff.sealing import SEALING_ENTROPY, SEALING_OVERHEAD, Sealer
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret

COOKIE: Final = "__Host-session"
#: Cookies over which one session may be spread: 15 kB, which servers commonly take in one header.
MAX_COOKIES: Final = 4


# What fits into so many cookies once it is sealed, in base64url, and numbered.
_LARGEST = MAX_COOKIES * cookies.PART_LENGTH * 3 // 4 - SEALING_OVERHEAD


class Session(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Who is signed in, and the tokens to act for them. Times in Unix seconds."""

    id: str
    generation: int  # grows by one with each refresh; of two cookies of a session, the greater one is the newer
    subject: str
    name: str | None
    email: str | None
    expires_at: int  # the absolute end, whatever the issuer says
    tokens: TokenSet


class SessionTooLargeError(Exception):
    """The tokens do not fit into cookies."""


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """The session as it is written: short, without names. Fields are only ever appended, each with a default."""

    id: str
    generation: int
    subject: str
    name: str | None
    email: str | None
    expires_at: int
    access_token: str
    refresh_token: str | None
    id_token: str | None
    scopes: tuple[str, ...]
    obtained_at: int
    token_expires_at: int

    def __repr__(self) -> str:
        return "<_Sealed>"


_decoder = msgspec.msgpack.Decoder(_Sealed)


class SessionCookies:
    """Writes sessions into Set-Cookie headers, and reads them from cookies.

    Args:
        sealer: seals them.
        entropy: so many bytes that nobody can guess.
    """

    def __init__(self, sealer: Sealer, entropy: Callable[[int], bytes]) -> None:
        self._sealer = sealer
        self._entropy = entropy

    def write(self, session: Session, *, now: int, present: dict[str, str]) -> list[str]:
        """Set-Cookie headers that put the session into the browser.

        Args:
            session: one that fits.
            now: Unix seconds.
            present: the cookies that the browser sent: those that are no longer needed are removed.
        """
        sealed = self._sealer.seal(_encode(session), purpose=COOKIE, entropy=self._entropy(SEALING_ENTROPY))
        parts = cookies.split(COOKIE, sealed)
        written = [
            cookies.set_cookie(name, value, max_age=max(0, session.expires_at - now)) for name, value in parts.items()
        ]
        return written + [cookies.clear_cookie(name) for name in _ours(present) if name not in parts]

    def read(self, present: dict[str, str], *, now: int) -> Session | None:
        """The session that the cookies hold; None when there is none, or it is tampered with, foreign or too old."""
        sealed = cookies.join(COOKIE, present, most=MAX_COOKIES)
        text = self._sealer.open(sealed, purpose=COOKIE) if sealed else None
        session = _decode(text) if text is not None else None
        return session if session is not None and now < session.expires_at else None

    def clear(self, present: dict[str, str]) -> list[str]:
        """Set-Cookie headers that remove the session, as far as the browser has one."""
        return [cookies.clear_cookie(name) for name in _ours(present)]


def fit(session: Session) -> Session:
    """The session as it fits into cookies: whole or, if need be, without the ID token, a mere hint at sign-out.

    Raises:
        SessionTooLargeError: the access and refresh token alone are too large.
    """
    lean = msgspec.structs.replace(session, tokens=msgspec.structs.replace(session.tokens, id_token=None))
    for candidate in (session, lean):
        if len(_encode(candidate)) <= _LARGEST:
            return candidate
    raise SessionTooLargeError(f"the tokens take more than {_LARGEST} bytes; ask for fewer scopes or claims")


def _ours(present: dict[str, str]) -> list[str]:
    return [name for name in cookies.names(COOKIE, MAX_COOKIES) if name in present]


def _encode(session: Session) -> bytes:
    tokens = session.tokens
    return msgspec.msgpack.encode(
        _Sealed(
            id=session.id,
            generation=session.generation,
            subject=session.subject,
            name=session.name,
            email=session.email,
            expires_at=session.expires_at,
            access_token=tokens.access_token.reveal(),
            refresh_token=_text(tokens.refresh_token),
            id_token=_text(tokens.id_token),
            scopes=tokens.scopes,
            obtained_at=tokens.obtained_at,
            token_expires_at=tokens.expires_at,
        )
    )


def _decode(text: bytes) -> Session | None:
    try:
        sealed = _decoder.decode(text)
    except msgspec.MsgspecError:  # sealed by us, in a format of another version
        return None
    tokens = TokenSet(
        access_token=Secret(sealed.access_token),
        refresh_token=_secret(sealed.refresh_token),
        id_token=_secret(sealed.id_token),
        scopes=sealed.scopes,
        obtained_at=sealed.obtained_at,
        expires_at=sealed.token_expires_at,
    )
    return Session(
        id=sealed.id,
        generation=sealed.generation,
        subject=sealed.subject,
        name=sealed.name,
        email=sealed.email,
        expires_at=sealed.expires_at,
        tokens=tokens,
    )


def _text(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def profile_text(claims: Any, name: str) -> str | None:
    """A claim to show to the person, kept short; None when it is no text."""
    value = claims.get(name)
    return value[:200] if isinstance(value, str) and value else None
