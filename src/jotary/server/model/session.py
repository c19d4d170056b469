"""A client's grant on behalf of a person, kept alive by its refresh token (design §6.1)."""

import msgspec


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One client signed in for one person: the row that a refresh moves by one generation. `id` is the `sid` claim."""

    id: str
    user_id: str
    client_id: str
    sign_in_id: str | None  # the browser sign-in that it came from
    scopes: tuple[str, ...]
    resources: tuple[str, ...]  # the audiences granted (RFC 8707)
    generation: int = 0  # of the one living refresh token
    authenticated_at: int
    methods: tuple[str, ...] = ()
    created_at: int
    rotated_at: int
    idle_expires_at: int
    expires_at: int
    dpop_thumbprint: str | None = None
    ended_at: int | None = None
    end_reason: str | None = None

    def is_alive(self, now: int) -> bool:
        """Whether the session may still be used at `now` (Unix seconds)."""
        return self.ended_at is None and now < self.idle_expires_at and now < self.expires_at
