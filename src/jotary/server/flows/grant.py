"""What a grant type is: a name, the parameters that it declares, and an answer (RFC 6749 §4).

Each module of `grants/` is one, found through `grants.GRANTS`. The rules of each are in its pure `decide`.
"""

from collections.abc import Collection
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
from jotary.server.ports import Clients, Codes, Commit, Sessions, SignIns, Users
from jotary.server.settings import Settings


class GrantStore(Clients, Codes, Commit, Sessions, SignIns, Users, Protocol):
    """What grants need from the store."""


@dataclass(frozen=True, slots=True)
class GrantContext:
    """What every grant works with: its store, its pen, its rules."""

    store: GrantStore
    issuance: Issuance
    refresh_tokens: RefreshTokens
    settings: Settings


class GrantRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A token request of an authenticated client that may use the grant; other parameters are already dropped."""

    client: Client
    parameters: Parameters
    now: int
    address: str | None = None


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
            Conflict: the facts changed meanwhile; nothing was written, ask again.
            Unavailable: the database or the signer cannot answer.
        """


async def refuse(refusal: Refuse, store: Commit) -> OAuthError:
    """Write the event of a refusal, if it has one, and return the error to raise."""
    if refusal.event is not None:
        await store.commit(AddEvent(refusal.event))
    return refusal.error
