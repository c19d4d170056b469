"""How a client presents itself at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2)."""

import base64
from typing import Literal
from urllib.parse import unquote_plus

import msgspec

from jotary.jose import JOSEError, jws, strict_json
from jotary.oauth.errors import OAuthError, invalid_client, invalid_request
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: Characters of an Authorization header that are decoded at all.
_MAX_BASIC_LENGTH = 4096


class PresentedClient(msgspec.Struct, frozen=True):
    """What the client said of itself; nothing of it is proved yet."""

    client_id: str
    method: Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
    secret: Secret | None = None
    assertion: Secret | None = None


def parse_client_authentication(authorization: str | None, parameters: Parameters) -> PresentedClient:
    """Find the one way in which the client authenticates.

    Raises:
        OAuthError: invalid_request when it uses more than one (RFC 6749 §2.3) or contradicts itself;
            invalid_client when it uses none or a malformed one.
    """
    client_id, secret, assertion = map(parameters.get, ("client_id", "client_secret", "client_assertion"))
    if sum(way is not None for way in (authorization, secret, assertion)) > 1:
        raise invalid_request("More than one client authentication method.", hint="Use one (RFC 6749, section 2.3).")
    if authorization is not None:
        presented = _parse_basic(authorization)
    elif assertion is not None:
        presented = _parse_assertion(assertion, parameters.get("client_assertion_type"))
    elif client_id is None:
        raise invalid_client(hint="Send client_id, or authenticate with the method that the client is registered for.")
    elif secret is not None:
        presented = PresentedClient(client_id, "client_secret_post", secret=Secret(secret))
    else:
        presented = PresentedClient(client_id, "none")
    if client_id is not None and client_id != presented.client_id:
        raise invalid_request("The client_id contradicts the client authentication.")
    return presented


def _parse_basic(authorization: str) -> PresentedClient:
    """RFC 6749 §2.3.1: both parts are form-urlencoded before they are joined and encoded."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _MAX_BASIC_LENGTH:
        raise invalid_client(hint="Use 'Authorization: Basic'.", basic=True)
    try:
        decoded = base64.b64decode(encoded.strip(" "), validate=True).decode("utf-8")
        client_id, colon, secret = decoded.partition(":")
        client_id, secret = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError as error:  # not base64, not ASCII or not UTF-8
        raise _malformed_basic() from error
    if not colon or not client_id or "\0" in client_id:
        raise _malformed_basic()
    return PresentedClient(client_id, "client_secret_basic", secret=Secret(secret))


def _malformed_basic() -> OAuthError:
    return invalid_client(hint="Send base64(form-urlencoded client_id ':' form-urlencoded client_secret).", basic=True)


def _parse_assertion(assertion: str, assertion_type: str | None) -> PresentedClient:
    """The `sub` of the assertion names the client whose keys must then have signed it (RFC 7523 §3)."""
    if assertion_type != JWT_BEARER:
        raise invalid_request("The client_assertion_type is not supported.", hint=f"Send {JWT_BEARER}.")
    try:
        subject = strict_json.loads_object(jws.parse(assertion).payload).get("sub")
    except JOSEError as error:
        raise invalid_client(hint="The client_assertion is not a JWT.", detail=str(error)) from error
    if not isinstance(subject, str) or not subject or "\0" in subject:
        raise invalid_client(hint="The client_assertion names no client in 'sub'.")
    return PresentedClient(subject, "private_key_jwt", assertion=Secret(assertion))
