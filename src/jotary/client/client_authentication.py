"""How this client proves itself to the issuer (RFC 6749 §2.3, RFC 7523 §2.2): one record for each method."""

import base64
from typing import Final
from urllib.parse import quote_plus

import msgspec

from jotary.client.transport import Form
from jotary.jose import Key, base64url, jwt
from jotary.oauth.client_authentication import JWT_BEARER
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.tokens.client_assertion import client_assertion_claims

#: Random bytes that one authenticated request takes, for the `jti` of an assertion.
AUTHENTICATION_ENTROPY: Final = 16


class PublicClient(msgspec.Struct, frozen=True):
    """`none`: the client has nothing to prove itself with, and says only its name (RFC 6749 §3.2.1)."""

    client_id: str


class SecretBasic(msgspec.Struct, frozen=True):
    """`client_secret_basic`."""

    client_id: str
    client_secret: Secret


class SecretPost(msgspec.Struct, frozen=True):
    """`client_secret_post`."""

    client_id: str
    client_secret: Secret


class PrivateKeyJWT(msgspec.Struct, frozen=True, eq=False):
    """`private_key_jwt`: `key` is private and names its algorithm and, for the issuer to find it, its `kid`."""

    client_id: str
    key: Key


Credentials = PublicClient | SecretBasic | SecretPost | PrivateKeyJWT


def authenticate(credentials: Credentials, parameters: Parameters, *, issuer: str, now: int, entropy: bytes) -> Form:
    """Add the client's proof to a request for the issuer.

    Args:
        credentials: who this client is.
        parameters: the form, without any part of client authentication.
        issuer: the audience of an assertion: the server, not one endpoint of it, so that no other server that learns
            the assertion can use it here (RFC 7523 §3, point 3).
        now: Unix seconds.
        entropy: `AUTHENTICATION_ENTROPY` random bytes.
    """
    pairs = parameters.pairs()
    match credentials:
        case PublicClient(client_id):
            return Form(Parameters([*pairs, ("client_id", client_id)]))
        case SecretBasic(client_id, client_secret):
            return Form(parameters, _basic(client_id, client_secret))
        case SecretPost(client_id, client_secret):
            proof = [("client_id", client_id), ("client_secret", client_secret.reveal())]
            return Form(Parameters([*pairs, *proof]))
        case PrivateKeyJWT(client_id, key):
            claims = client_assertion_claims(
                client_id=client_id, audience=issuer, jti=base64url.encode(entropy[:AUTHENTICATION_ENTROPY]), now=now
            )
            proof = [("client_assertion_type", JWT_BEARER), ("client_assertion", jwt.sign(claims, key, typ="JWT"))]
            return Form(Parameters([*pairs, ("client_id", client_id), *proof]))


def _basic(client_id: str, client_secret: Secret) -> Secret:
    """RFC 6749 §2.3.1: both parts are form-urlencoded first, so that a colon or an accent in them survives."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret.reveal())}"
    return Secret("Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii"))
