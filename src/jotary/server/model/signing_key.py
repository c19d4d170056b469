"""A key that signs tokens, with its life (design §6.2)."""

from typing import Any

import msgspec


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A signing key at rest: announced → signing → retiring → gone, each from a moment in Unix seconds.

    `None` means that the moment is not decided yet. A row whose `stamp` does not hold was written without the server's
    secret, and is not believed (`keyring/stamp.py`).
    """

    id: str  # the `kid`
    algorithm: str
    public_jwk: dict[str, Any]
    sealed_private_key: bytes  # AES-256-GCM under the server's secret
    announced_at: int
    signing_from: int
    retiring_from: int | None = None
    gone_from: int | None = None
    stamp: bytes = b""  # authenticates all of the above under the server's secret
