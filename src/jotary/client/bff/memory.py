"""What one process remembers of sessions. It is bounded, and nothing breaks without it: it only makes things better."""

from collections import OrderedDict
from typing import Final

import msgspec

from jotary.client.bff.session import Session

#: Sessions that were refreshed a moment ago, or whose browser may not have the new cookie yet.
MOST_RECENT: Final = 4_096
#: Sessions that were ended and whose access tokens have not expired yet.
MOST_ENDED: Final = 65_536
#: Seconds in which an issuer gives the same answer again to a refresh token that was just used (design §6.1).
RETRY_WINDOW: Final = 30


class _Renewed(msgspec.Struct):
    session: Session
    at: int
    has_arrived: bool = False  # the browser has sent the new cookie back


class RecentSessions:
    """The newest generation of sessions that this process refreshed.

    A browser may come back with the cookie before: an answer was lost, a tab was closed too early, or a slow answer
    overwrote a newer cookie. The issuer's retry window heals that for 30 seconds; this memory does so for longer, but
    only until the new cookie has come back once. From then on an older cookie is a second copy, perhaps a thief's, and
    the issuer is left to see it (design §6.1).
    """

    def __init__(self) -> None:
        self._renewed: OrderedDict[str, _Renewed] = OrderedDict()
        self._shown: OrderedDict[str, int] = OrderedDict()  # the newest generation that a browser has sent

    def remember(self, session: Session, *, now: int) -> None:
        """Note what a refresh has given."""
        known = self._renewed.get(session.id)
        if known is not None and known.session.generation >= session.generation:
            return
        self._renewed[session.id] = _Renewed(session, now)
        self._renewed.move_to_end(session.id)
        self._shown.setdefault(session.id, 0)
        self._shown.move_to_end(session.id)
        for memory in (self._renewed, self._shown):
            while len(memory) > MOST_RECENT:
                memory.popitem(last=False)

    def newest(self, presented: Session, *, now: int) -> Session:
        """The session to go on with when the browser presents this one."""
        if presented.id in self._shown:
            self._shown[presented.id] = max(presented.generation, self._shown[presented.id])
        known = self._renewed.get(presented.id)
        if known is None:
            return presented
        in_window = now < known.at + RETRY_WINDOW
        if presented.generation >= known.session.generation:
            known.has_arrived = True
            if not in_window or presented.generation > known.session.generation:
                del self._renewed[presented.id]
            return presented
        is_next = presented.generation == known.session.generation - 1
        return known.session if is_next and (in_window or not known.has_arrived) else presented

    def latest(self, session: Session) -> Session:
        """The same, for a session that this process holds: it says nothing about what the browser has."""
        known = self._renewed.get(session.id)
        return known.session if known is not None and known.session.generation > session.generation else session

    def has_moved_on(self, session: Session) -> bool:
        """Whether a browser has shown a newer generation: an answer that took minutes would set it back."""
        return session.generation < self._shown.get(session.id, 0)

    def forget(self, session_id: str) -> None:
        """Drop a session that is over."""
        self._renewed.pop(session_id, None)
        self._shown.pop(session_id, None)


class EndedSessions:
    """Sessions that somebody ended here: their old cookies are refused although their tokens have not expired."""

    def __init__(self) -> None:
        self._ended: OrderedDict[str, int] = OrderedDict()

    def add(self, session_id: str, *, until: int, now: int) -> None:
        """Refuse a session until its tokens are no good anyway (`until`, Unix seconds)."""
        self._ended[session_id] = max(until, self._ended.get(session_id, 0))
        if len(self._ended) > MOST_ENDED:
            self._purge(now)

    def __contains__(self, session_id: str) -> bool:
        """Whether the session was ended here."""
        return session_id in self._ended

    def _purge(self, now: int) -> None:
        """Drop what has expired and, if that is not enough, what was ended first."""
        self._ended = OrderedDict((one, until) for one, until in self._ended.items() if now < until)
        while len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)
