"""What a person proves that they are who they say."""

import msgspec


class Password(msgspec.Struct, frozen=True, kw_only=True):
    """A password, as its Argon2id (or imported) hash in PHC string format."""

    user_id: str
    hash: str
    changed_at: int
