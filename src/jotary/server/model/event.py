"""Something that happened which an operator may have to answer for."""

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An audit event. `kind` is `noun.verb`, such as `session.reuse_detected`; `detail` never holds a secret."""

    kind: str
    at: int
    user_id: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    address: str | None = None
    detail: dict[str, Any] = {}
    position: int = 0  # its place in the trail, given by the store
