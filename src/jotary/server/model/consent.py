"""What a person has allowed a third-party client to do."""

import msgspec


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A person's standing permission for one client. Scopes only grow by another consent."""

    user_id: str
    client_id: str
    scopes: tuple[str, ...]
    granted_at: int
