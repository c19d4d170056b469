"""What a signed-in person sees at the issuer's own address: where they are signed in, and how to end it."""

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.flows.session_end import end_one
from jotary.server.flows.signed_in import People, SignedIn, who_is_signed_in
from jotary.server.model.session import Session
from jotary.server.ports import Clients, Commit, Sessions
from jotary.server.settings import Settings

_REASON: Final = "ended_by_user"


class OpenSession(msgspec.Struct, frozen=True):
    """A living session, with the name of its client."""

    session: Session
    client_name: str


class Overview(msgspec.Struct, frozen=True):
    """The person and their living sessions, newest first."""

    signed_in: SignedIn
    sessions: tuple[OpenSession, ...]


class HomeStore(People, Clients, Sessions, Commit, Protocol):
    """What the page reads and writes."""


@dataclass(frozen=True, slots=True)
class Home:
    """The two things to do there: look, and end a session."""

    store: HomeStore
    settings: Settings

    async def overview(self, cookie: Secret | None, *, now: int) -> Overview | None:
        """The person behind the cookie with their living sessions; None if nobody is signed in."""
        signed_in = await self._who(cookie, now=now)
        if signed_in is None:
            return None
        sessions = await self.store.sessions_of_user(signed_in.user.id)
        alive = [session for session in sessions if session.is_alive(now)]
        names = {client_id: await self._name(client_id) for client_id in {session.client_id for session in alive}}
        return Overview(signed_in, tuple(OpenSession(session, names[session.client_id]) for session in alive))

    async def end_session(self, session_id: str, cookie: Secret | None, *, now: int) -> None:
        """End one of the person's own sessions; another's, or none, changes nothing.

        Raises:
            Unavailable: the store cannot answer.
        """
        signed_in = await self._who(cookie, now=now)
        session = await self.store.session(session_id)
        if signed_in is None or session is None or session.user_id != signed_in.user.id:
            return
        await self.store.commit(*end_one(session, _REASON, now=now, settings=self.settings))

    async def _who(self, cookie: Secret | None, *, now: int) -> SignedIn | None:
        idle_lifetime = self.settings.sign_in_idle_lifetime
        return await who_is_signed_in(self.store, cookie, now=now, idle_lifetime=idle_lifetime)

    async def _name(self, client_id: str) -> str:
        client = await self.store.client(client_id)
        return client.name if client else client_id
