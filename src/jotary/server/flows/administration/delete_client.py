"""Removing a client, with all that people have allowed it."""

from jotary.server.flows.administration.client_secret import ClientStore, find_client
from jotary.server.flows.cut_off import SLOW_CLOCK, last_token_expires_at
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change, DeleteClient, EndSessionsOfClient
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.settings import Settings


def decide(client: Client, now: int, settings: Settings) -> tuple[Change, ...]:
    """What it holds is cut off at once; the audit trail keeps its id."""
    in_use_since = now - settings.refresh_retry_window - SLOW_CLOCK  # until then an answer is repeated with a new token
    return (
        # before the rows go that it finds the sessions by
        EndSessionsOfClient(client.id, now, "client_deleted", last_token_expires_at(now, settings), in_use_since),
        DeleteClient(client.id),
        AddEvent(Event(kind="client.deleted", at=now, client_id=client.id)),
    )


async def delete_client(client_id: str, *, store: ClientStore, now: int, settings: Settings) -> Client:
    """Remove a client and return it as it was.

    Raises:
        AdministrationError: there is no such client.
        Unavailable: the store does not answer.
    """

    async def attempt() -> Client:
        client = await find_client(client_id, store)
        await store.commit(*decide(client, now, settings))
        return client

    return await until_committed(attempt)
