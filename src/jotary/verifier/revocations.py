"""Cut-offs: tokens of one session, person, client or a single token that are no longer good (design §6.3)."""

from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Literal, Protocol, get_args

import msgspec

from jotary.tokens.revocation_feed import CutOff
from jotary.verifier.principal import Principal

#: What the integrator is told.
REVOKED = "the token, its session, person or client was revoked"

Kind = Literal["sid", "sub", "client_id", "jti"]


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens whose claim `kind` equals `value` and whose `iat` is at or before `issued_before` are refused.

    The entry may be dropped at `expires_at`, when the last token that it could touch has expired. Unix seconds.
    """

    kind: Kind
    value: str
    issued_before: int
    expires_at: int


class Revocations(Protocol):
    """What a verifier asks for every request, also for a token that it has seen before: so it must be a look-up."""

    def refuses(self, principal: Principal) -> bool:
        """Whether the caller was cut off."""
        ...


class RevocationList:
    """Cut-offs in memory. Any thread may change it while others ask."""

    def __init__(self, revocations: Iterable[Revocation] = ()) -> None:
        self._entries: dict[Kind, dict[str, Revocation]] = {kind: {} for kind in get_args(Kind)}
        self._empty = True
        self._lock = Lock()  # for those who change it; who asks takes none
        for revocation in revocations:
            self.add(revocation)

    def add(self, revocation: Revocation) -> None:
        """Cut off. A second cut-off of the same kind and value widens the first and never shortens it."""
        with self._lock:
            entries = self._entries[revocation.kind]
            known = entries.get(revocation.value, revocation)
            entries[revocation.value] = Revocation(
                kind=revocation.kind,
                value=revocation.value,
                issued_before=max(known.issued_before, revocation.issued_before),
                expires_at=max(known.expires_at, revocation.expires_at),
            )
            self._empty = False

    def prune(self, now: int) -> None:
        """Drop the entries that no living token can match any more."""
        with self._lock:
            for kind, entries in self._entries.items():
                self._entries[kind] = {value: entry for value, entry in entries.items() if entry.expires_at > now}
            self._empty = not any(self._entries.values())

    def refuses(self, principal: Principal) -> bool:
        """Whether one of the entries names this caller's session, person, client or token."""
        if self._empty:
            return False
        issued_at = principal.issued_at
        entries = self._entries
        session_id = principal.session_id
        return (
            (session_id is not None and _cuts(entries["sid"].get(session_id), issued_at))
            or _cuts(entries["sub"].get(principal.subject), issued_at)
            or _cuts(entries["client_id"].get(principal.client_id), issued_at)
            or (principal.jti is not None and _cuts(entries["jti"].get(principal.jti), issued_at))
        )

    def __iter__(self) -> Iterator[Revocation]:
        """Every entry, as of now."""
        with self._lock:
            return iter([entry for entries in self._entries.values() for entry in entries.values()])

    def __len__(self) -> int:
        """How many entries there are."""
        return sum(len(entries) for entries in self._entries.values())


def cut_off(revocations: RevocationList, entries: Iterable[CutOff], *, leeway: int) -> None:
    """Add what a feed says, for as long as a verifier with this leeway (seconds) may still take the token.

    Not what it says of keys: those go from the set of keys (`withdrawn_keys`), and their tokens with them.
    """
    for entry in entries:
        if entry.kind == "kid":
            continue
        revocations.add(
            Revocation(
                kind=entry.kind,
                value=entry.value,
                issued_before=entry.issued_before,
                expires_at=entry.expires_at + leeway,
            )
        )


def withdrawn_keys(entries: Iterable[CutOff]) -> frozenset[str]:
    """The names of the keys that a feed says somebody else may have."""
    return frozenset(entry.value for entry in entries if entry.kind == "kid")


def _cuts(entry: Revocation | None, issued_at: int) -> bool:
    return entry is not None and issued_at <= entry.issued_before
