"""What a person allows a third-party client to do (OIDC Core §3.1.2.4)."""

from jotary.server.flows.authorization_request import AuthorizationRequest
from jotary.server.model.consent import Consent


def needs_consent(request: AuthorizationRequest, consent: Consent | None) -> bool:
    """Whether the person must be asked, given what they have allowed this client before.

    A first-party client belongs to whoever runs this server, so there is nobody to be asked about; `prompt=consent`
    asks all the same, always.
    """
    if "consent" in request.prompts:
        return True
    if request.client.is_first_party:
        return False
    # RFC 8252 §8.6, RFC 6749 §10.2: any program of the device can say that it is this client, so what was allowed
    # before may have been allowed to another one.
    if request.client.type == "native":
        return True
    return consent is None or not set(request.scopes) <= set(consent.scopes)


def with_consent(request: AuthorizationRequest, consent: Consent | None, *, user_id: str, now: int) -> Consent:
    """The consent after the person allowed the request: what was allowed before stays allowed."""
    before = consent.scopes if consent else ()
    return Consent(
        user_id=user_id,
        client_id=request.client.id,
        scopes=tuple(dict.fromkeys((*before, *request.scopes))),
        granted_at=now,
    )
