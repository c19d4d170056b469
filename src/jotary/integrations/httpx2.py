"""Call an API with httpx2: an `auth=` that attaches access tokens, keeps them fresh, and sends them to one origin.

`Client` and `AsyncClient` alike. A 401 is answered once with another token. A request for another origin raises
ValueError, and httpx2 takes the header off when it follows a redirect to one.
"""

import httpx2

from jotary.client.bearer import BearerAuth
from jotary.client.errors import ClientError, IssuerError, ProtocolError, UnavailableError
from jotary.client.service import ServiceFlow

__all__ = ["BearerAuth", "ClientError", "IssuerError", "ProtocolError", "ServiceAuth", "UnavailableError"]


class ServiceAuth(ServiceFlow, httpx2.Auth):
    """Calls an API as a service, for itself (RFC 6749 §4.4). The arguments are those of `ServiceFlow`.

    Make one for each API, and share it: all requests, threads and event loops wait for the same token.
    """
