"""What may be forgotten, and when. Deleted in small batches, each a transaction of its own."""

from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from jotary.server.store.schema import allowances, assertions, codes, revocations, sessions, sign_ins, signing_keys

#: Seconds between two batches: whoever waits for the database to write, in other processes too, comes between.
PURGE_PAUSE: Final = 0.01

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


class Purge(NamedTuple):
    """Rows of `table` are kept for `grace` seconds behind the moment in their column `end`."""

    table: sa.Table
    grace: int
    end: str = "expires_at"

    def sql(self) -> sa.Delete:
        """Delete up to `limit` rows whose end lies before `before`."""
        expired = self.table.c[self.end] < bindparam("before")
        key = sa.tuple_(*self.table.primary_key)
        return self.table.delete().where(
            key.in_(sa.select(*self.table.primary_key).where(expired).limit(bindparam("limit")))
        )


# Memory of a use outlives the thing used, or a replay would look like something unknown.
PURGES: Final = (
    Purge(codes, _HOUR),  # RFC 6749 §4.1.2: a second redemption ends what the first one opened
    Purge(sessions, _DAY),  # ended ones too stay until their absolute end, so that a stolen old token is recognised
    Purge(sign_ins, _DAY),
    # RFC 7523 §3: beyond any leeway that an assertion is accepted with, and swept by a clock that is an hour ahead
    Purge(assertions, _HOUR + 5 * _MINUTE),
    Purge(revocations, _HOUR),  # by the same clock; who follows the feed is told of none that has expired
    Purge(allowances, _MINUTE, end="restored_at"),  # whole again, by the clock of every node
    Purge(signing_keys, _DAY, end="gone_from"),  # the private half too
)
