"""What a person allows a third-party client to do (OIDC Core §3.1.2.4)."""

from jotary.server.flows.authorization_request import AuthorizationRequest
from jotary.server.model.consent import NO_RESOURCE, Consent


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
    if consent is None:
        return True
    # RFC 8707 §2: the page names the APIs, so what was allowed at one of them says nothing about another.
    return any(not set(request.scopes) <= set(consent.resources.get(resource, ())) for resource in _where(request))


def with_consent(request: AuthorizationRequest, consent: Consent | None, *, user_id: str, now: int) -> Consent:
    """The consent after the person allowed the request: what was allowed before stays allowed."""
    before = consent.resources if consent else {}
    allowed = {resource: _both(before.get(resource, ()), request.scopes) for resource in _where(request)}
    return Consent(
        user_id=user_id,
        client_id=request.client.id,
        scopes=_both(consent.scopes if consent else (), request.scopes),
        granted_at=now,
        resources={**before, **allowed},
    )


def _where(request: AuthorizationRequest) -> tuple[str, ...]:
    return request.resources or (NO_RESOURCE,)


def _both(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *now)))
