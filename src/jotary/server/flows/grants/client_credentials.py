"""The client credentials grant: a client acts for itself (RFC 6749 §4.4). Nothing is stored, nothing is refreshed."""

from typing import Final

import msgspec

from jotary.oauth.errors import OAuthError, unauthorized_client
from jotary.oauth.scope import parse_scope
from jotary.server.flows.client_authentication import is_public
from jotary.server.flows.grant import GrantContext, GrantRequest, Refuse, refuse
from jotary.server.flows.issue import Grantee, TokenResponse
from jotary.server.flows.narrowing import OFFLINE_ACCESS, narrow_audience, narrow_scopes
from jotary.server.flows.profile import IDENTITY_SCOPES
from jotary.server.model.client import Client

NAME: Final = "client_credentials"
PARAMETERS: Final = frozenset({"scope", "resource"})

#: Scopes that speak of a person, of whom there is none here (OIDC Core §3.1.2.1, §5.4, §11).
SCOPES_OF_PEOPLE: Final = frozenset({*IDENTITY_SCOPES, OFFLINE_ACCESS})


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asks."""

    client: Client
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


class Allow(msgspec.Struct, frozen=True):
    """Answer with an access token for the client itself."""

    grantee: Grantee


def decide(request: Request, *, issuer: str) -> Allow | Refuse:
    """Every rule of the grant, in order; there are no facts but the registration."""
    client = request.client
    if is_public(client):  # RFC 6749 §4.4: confidential clients only
        return Refuse(
            unauthorized_client("A public client cannot act for itself.", hint="Register a confidential client.")
        )
    granted = tuple(scope for scope in client.scopes if scope not in SCOPES_OF_PEOPLE)
    try:
        scopes = narrow_scopes(request.scopes, granted, client)
        audience = narrow_audience(request.resources, client.audiences or (issuer,), client, issuer=issuer)
    except OAuthError as error:
        return Refuse(error)
    return Allow(Grantee(client=client, scopes=scopes, audience=audience))


async def answer(request: GrantRequest, context: GrantContext, /) -> TokenResponse:
    """Answer with a token for the client itself; see `flows.grant.Grant.answer`."""
    asked = Request(
        client=request.client,
        scopes=parse_scope(request.parameters.get("scope")),
        resources=request.parameters.all("resource"),
    )
    decision = decide(asked, issuer=context.settings.issuer)
    if isinstance(decision, Refuse):
        raise await refuse(decision, context.store)
    return await context.issuance.respond(decision.grantee, now=request.now)
