"""A person who can sign in."""

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `id` is the `sub` of every token: it never changes and is never given to anybody else."""

    id: str
    email: str  # as typed at sign-up; unique without regard to case
    name: str | None = None
    email_verified: bool = False
    created_at: int
    disabled_at: int | None = None
    is_admin: bool = False

    @property
    def is_active(self) -> bool:
        """Whether this person may sign in and hold tokens."""
        return self.disabled_at is None
