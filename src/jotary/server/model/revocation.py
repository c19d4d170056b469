"""A cut-off: tokens of one session, person, client or single token are no longer good (design §6.3)."""

from typing import Literal

import msgspec

RevocationKind = Literal["sid", "sub", "client_id", "jti", "kid"]


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens whose claim `kind` equals `value` and whose `iat` is at or before `issued_before` are refused.

    The kind `kid` names a signing key that was withdrawn: all that it signed is refused, whatever it says.

    The entry may be dropped at `expires_at`, when the last token that it could touch has expired.
    """

    kind: RevocationKind
    value: str
    issued_before: int
    created_at: int
    expires_at: int
    position: int = 0  # its place in the feed, given by the store
