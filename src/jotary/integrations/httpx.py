"""Call an API with httpx: an `auth=` that attaches access tokens, keeps them fresh, and sends them to one origin.

`Client` and `AsyncClient` alike. A 401 is answered once with another token. A request for another origin raises
ValueError, and httpx takes the header off when it follows a redirect to one.
"""

import httpx

from jotary.client.bearer import BearerFlow, SessionSource, SessionTokens
from jotary.client.errors import ClientError, IssuerError, ProtocolError, UnavailableError
from jotary.client.service import ServiceFlow

__all__ = ["BearerAuth", "ClientError", "IssuerError", "ProtocolError", "ServiceAuth", "UnavailableError"]


class BearerAuth(BearerFlow, httpx.Auth):
    """Attaches the access token of who is signed in: `BearerAuth(app.session, origin="https://todo.example.com")`.

    Args:
        session: where the tokens come from, such as `NativeApp.session`.
        origin: of the API.

    Raises:
        ProtocolError: `origin` is no URL to which a token may be sent: https, or http on loopback.
    """

    def __init__(self, session: SessionSource, *, origin: str) -> None:
        super().__init__(SessionTokens(session), origin=origin)


class ServiceAuth(ServiceFlow, httpx.Auth):
    """Calls an API as a service, for itself (RFC 6749 §4.4). The arguments are those of `ServiceFlow`.

    Make one for each API, and share it: all requests, threads and event loops wait for the same token.
    """
