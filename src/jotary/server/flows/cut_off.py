"""How long a cut-off must stand in the feed (design §6.3)."""

from typing import Final

from jotary.server.settings import Settings

#: Seconds for which an API with a slow clock may still accept a token that has expired.
SLOW_CLOCK: Final = 300


def last_token_expires_at(now: int, settings: Settings) -> int:
    """When the last access token that a cut-off at `now` touches is dead everywhere: the entry may then be dropped."""
    return now + settings.access_token_lifetime + SLOW_CLOCK
