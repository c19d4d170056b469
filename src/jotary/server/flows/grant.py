"""What a grant type is: a name, the parameters that it declares, and an answer (RFC 6749 §4).

Each module of `grants/` is one, found through `grants.GRANTS`. The rules of each are in its pure `decide`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import msgspec

from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters
from jotary.server.flows.issue import Issuance, TokenResponse
from jotary.server.model.changes import AddEvent
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.model.refresh_token import RefreshTokens
from jotary.server.ports import Abandoned, Clients, Codes, Commit, Sessions, SignIns, Users
from jotary.server.settings import Settings


class GrantStore(Clients, Codes, Commit, Sessions, SignIns, Users, Protocol):
    """What grants need from the store."""


def no_difference() -> int:
    """For one clock alone."""
    return 0


@dataclass(frozen=True, slots=True)
class GrantContext:
    """What every grant works with: its store, its pen, its rules.

    `database_ahead` tells by how many seconds the database's clock is ahead of the one that requests are told.
    """

    store: GrantStore
    issuance: Issuance
    refresh_tokens: RefreshTokens
    settings: Settings
    database_ahead: Callable[[], int] = no_difference


def always() -> bool:
    """For who cannot tell whether anybody waits."""
    return True


class GrantRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A token request of an authenticated client that may use the grant; other parameters are already dropped.

    `is_awaited` tells whether the client still waits for the answer.
    """

    client: Client
    parameters: Parameters
    now: int
    address: str | None = None
    is_awaited: Callable[[], bool] = always


class Refuse(msgspec.Struct, frozen=True):
    """A decision: answer with the error, write nothing but the event."""

    error: OAuthError
    event: Event | None = None


class Grant(Protocol):
    """A grant type. A module with these names is one."""

    @property
    def NAME(self) -> str:  # noqa: N802 -- a constant of the module
        """The `grant_type` value."""

    @property
    def PARAMETERS(self) -> Collection[str]:  # noqa: N802 -- a constant of the module
        """The parameters that it reads; every other one is dropped before it sees the request."""

    async def answer(self, request: GrantRequest, context: GrantContext, /) -> TokenResponse:
        """Gather, decide, commit.

        Raises:
            OAuthError: the request is refused.
            Abandoned: the client has hung up before anything was written.
            Conflict: the facts changed meanwhile; nothing was written, ask again.
            Unavailable: the database or the signer cannot answer.
        """


def go_on(request: GrantRequest) -> None:
    """To be called before a grant writes what the request brings about.

    A server that stood still finds requests that were given up long ago. Their clients have gone to another server with
    the same token or code: what is left of them here looks like theft, and must not sign anybody out. Nor must a
    session move on towards a token that nobody gets.

    Raises:
        Abandoned: the client has hung up.
    """
    if not request.is_awaited():
        raise Abandoned


async def refuse(refusal: Refuse, store: Commit) -> OAuthError:
    """Write the event of a refusal, if it has one, and return the error to raise."""
    if refusal.event is not None:
        await store.commit(AddEvent(refusal.event))
    return refusal.error
