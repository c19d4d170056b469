"""The token endpoint (RFC 6749 §3.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jotary.oauth.errors import unauthorized_client, unsupported_grant_type
from jotary.oauth.parameters import Parameters
from jotary.server.flows.client_authentication import ClientAuthentication
from jotary.server.flows.grant import Grant, GrantContext, GrantRequest, always
from jotary.server.flows.grants import GRANTS
from jotary.server.flows.issue import TokenResponse
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.client import Client


class TokenFlow(Protocol):
    """What answers token requests."""

    async def __call__(
        self,
        parameters: Parameters,
        authorization: str | None,
        *,
        now: int,
        address: str | None = None,
        is_awaited: Callable[[], bool] = always,
    ) -> TokenResponse:
        """As `TokenEndpoint`."""


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Answers token requests.

    Args:
        authentication: tells which client asks.
        context: what the grants work with.
    """

    authentication: ClientAuthentication
    context: GrantContext

    async def __call__(
        self,
        parameters: Parameters,
        authorization: str | None,
        *,
        now: int,
        address: str | None = None,
        is_awaited: Callable[[], bool] = always,
    ) -> TokenResponse:
        """Answer a token request.

        Args:
            parameters: the form; the query string has no part in it (RFC 6749 §3.2).
            authorization: the Authorization header.
            now: Unix seconds.
            address: the client's network address, for the audit trail.
            is_awaited: whether the client still waits for the answer.

        Raises:
            Abandoned: it does not, and nothing was issued.
            OAuthError: the standard's error, with status and headers.
            Unavailable: nothing was issued; the client may try again.
        """
        # The client first: what a stranger asks for is answered by nothing but the refusal of the stranger.
        client = await self.authentication.authenticate(parameters, authorization, now=now, address=address)
        grant = _find_grant(parameters.require("grant_type"))
        _check_registered(client, grant)
        request = GrantRequest(
            client=client,
            parameters=parameters.only(grant.PARAMETERS),
            now=now,
            address=address,
            is_awaited=is_awaited,
        )
        return await until_committed(lambda: grant.answer(request, self.context))


def _find_grant(name: str) -> Grant:
    for grant in GRANTS:
        if name == grant.NAME:
            return grant
    raise unsupported_grant_type(hint=f"Use one of: {', '.join(grant.NAME for grant in GRANTS)}.")


def _check_registered(client: Client, grant: Grant) -> None:
    """At every request anew, so that a grant type taken from a client is gone at once (RFC 6749 §5.2)."""
    if grant.NAME not in client.grant_types:
        raise unauthorized_client(
            "The client may not use this grant type.", hint=f"Register the grant type {grant.NAME} for the client."
        )
