"""An event as it lies in the trail, for who seals, verifies or shows it."""

import msgspec


class SealedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its seal. `detail` is the text as it is stored: one that was tampered with may be no JSON."""

    position: int
    kind: str
    at: int
    user_id: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    address: str | None = None
    actor: str | None = None
    request_id: str | None = None
    detail: str
    seal: bytes | None = None


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are looked for. `kind` may be the part before the dot; `since` is in Unix seconds."""

    user_id: str | None = None
    client_id: str | None = None
    kind: str | None = None
    since: int = 0
