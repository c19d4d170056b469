"""Something that happened which an operator may have to answer for."""

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An audit event. `kind` is one of `event_kinds.EVENT_KINDS`; `detail` never holds a secret.

    Who, what and from where: a person, a client, or `actor`, the operating-system user who ran a command. `request_id`
    is that of the log lines and of the answer.
    """

    kind: str
    at: int
    user_id: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    address: str | None = None
    actor: str | None = None
    request_id: str | None = None
    detail: dict[str, Any] = {}
    position: int = 0  # its place in the trail, given by the store


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where what happens now comes from, as far as it is known around a flow rather than in it."""

    actor: str | None = None
    address: str | None = None
    request_id: str | None = None

    def complete(self, event: Event) -> Event:
        """The event with its origin. What the flow has said itself stands."""
        return msgspec.structs.replace(
            event,
            actor=self.actor if event.actor is None else event.actor,
            address=self.address if event.address is None else event.address,
            request_id=self.request_id if event.request_id is None else event.request_id,
        )
