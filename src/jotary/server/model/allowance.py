"""How often something may still be tried, as one number in one row."""

from typing import Final

import msgspec

#: Seconds by which no two clocks in use differ. A moment that lies further ahead than any attempt could move it, and so
#: much more, was made by a clock that was wrong: it must not hold people off until then.
WRONG_BY: Final = 86_400


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What was used up of an allowance; a row that is not there is an allowance of which nothing was used.

    `id` is a keyed digest: the row tells neither whose account nor whose address it is.
    """

    id: str
    restored_at: int  # when all of it is back, if nothing more is taken
