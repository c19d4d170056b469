"""What a person has allowed a third-party client to do."""

from typing import Final

import msgspec

#: Stands for the API where a request names none, and its client has none.
NO_RESOURCE: Final = ""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A person's standing permission for one client. It only grows by another consent.

    Attributes:
        scopes: all that were ever allowed, wherever.
        resources: the scopes that were allowed at each API (RFC 8707); of one from before they were noted, none.
    """

    user_id: str
    client_id: str
    scopes: tuple[str, ...]
    granted_at: int
    resources: dict[str, tuple[str, ...]] = {}
