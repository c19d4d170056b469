"""What becomes of a person or client that both the backup and the present database know: the safer of both.

Rows as the tables hold them. Whatever was taken away since the backup stays away, and so does what the backup did not
have; credentials are the present ones.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

Row = Mapping[str, Any]

#: What a client may do: only what both allow.
_LISTS: Final = ("redirect_uris", "post_logout_redirect_uris", "grant_types", "scopes", "audiences")


def merged_user(present: Row, backup: Row) -> dict[str, Any]:
    """Address and standing as they are now; disabled if either says so, administrator if both do."""
    return {
        **present,
        "name": backup["name"],
        "disabled_at": backup["disabled_at"] if present["disabled_at"] is None else present["disabled_at"],
        "is_admin": present["is_admin"] and backup["is_admin"],
    }


def merged_client(present: Row, backup: Row) -> dict[str, Any]:
    """Secret, keys and type as they are now; redirect URIs, scopes and the like that both allow."""
    return {
        **present,
        "name": backup["name"],
        "is_first_party": present["is_first_party"] and backup["is_first_party"],
        **{name: _in_both(present[name], backup[name]) for name in _LISTS},
    }


def withdrawn(key: Row, now: int) -> dict[str, Any]:
    """A signing key that neither signs nor verifies from `now` on: it may have been given up since the backup.

    Its stamp holds no more, which nobody asks of a key that is gone.
    """
    ended = {name: now if key[name] is None else min(key[name], now) for name in ("retiring_from", "gone_from")}
    return {**key, **ended, "sealed_private_key": b""}


def _in_both(present: str, backup: str) -> str:
    known = set(msgspec.json.decode(backup))
    return msgspec.json.encode([value for value in msgspec.json.decode(present) if value in known]).decode()
