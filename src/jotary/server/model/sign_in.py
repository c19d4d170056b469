"""A browser in which somebody is signed in at this server (the single sign-on session)."""

import msgspec


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """One signed-in browser.

    The cookie holds a secret; `id` is the base64url SHA-256 of it, so that a dump of the table gives no cookie.
    """

    id: str
    user_id: str
    authenticated_at: int  # `auth_time` of ID tokens
    methods: tuple[str, ...]  # `amr` (RFC 8176): ("pwd",)
    last_seen_at: int
    expires_at: int  # absolute end; the idle end follows from `last_seen_at`
    ended_at: int | None = None

    def is_alive(self, now: int, *, idle_lifetime: int) -> bool:
        """Whether the browser is still signed in at `now` (Unix seconds); `idle_lifetime` in seconds."""
        return self.ended_at is None and now < self.expires_at and now < self.last_seen_at + idle_lifetime
