"""Signing and verifying one JWT, against the bare signature and against other libraries.

The limit is `cryptography` alone: the same signature over the same bytes, with no token around it. Every library also
checks the issuer, the audience and the times.
"""

import base64
from collections.abc import Callable, Iterator

import joserfc.jwk
import joserfc.jwt
import jwt as pyjwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bench.measurement import Comparison, compare
from jotary.jose import Key, jwt
from jotary.tokens.access_token import TYP, check_access_token

LIMIT = "cryptography, bare"
ISSUER = "https://id.example.com"
NOW = 1_700_000_100
AUDIENCE = "https://todo.example.com"
# An access token's claims (RFC 9068 §2.2), so that its size is that of real ones.
CLAIMS = {
    "iss": ISSUER,
    "sub": "01JD9Z6X8T2M4N5P6Q7R8S9T0V",
    "aud": AUDIENCE,
    "client_id": "todo-web",
    "scope": "todo:read todo:write",
    "sid": "01JD9Z6X8T2M4N5P6Q7R8S9T0W",
    "jti": "01JD9Z6X8T2M4N5P6Q7R8S9T0X",
    "iat": 1_700_000_000,
    "exp": 4_000_000_000,
}


def measure() -> Iterator[Comparison]:
    """Every algorithm that access tokens are signed with in practice."""
    for algorithm in ("RS256", "ES256", "EdDSA"):
        yield compare(f"verify an access token, {algorithm}", _verifiers(Key.generate(algorithm), algorithm))
    yield compare("sign an access token, ES256", _signers(Key.generate("ES256")))


def _verifiers(key: Key, algorithm: str) -> dict[str, Callable[[], object]]:
    private = serialization.load_pem_private_key(key.to_pem(private=True).encode(), None)
    token = pyjwt.encode(CLAIMS, key.to_pem(private=True), algorithm=algorithm, headers={"typ": TYP})
    ours = key.public()
    theirs = pyjwt.PyJWK(ours.to_jwk(), algorithm)
    key_of_joserfc = joserfc.jwk.import_key(ours.to_jwk())
    claims_of_joserfc = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": AUDIENCE}
    )
    return {
        LIMIT: _bare_verifier(private, token),
        "jotary": lambda: check_access_token(
            jwt.verify(token, ours, algorithms={algorithm}, typ=TYP).claims,
            issuer=ISSUER,
            audience=AUDIENCE,
            now=NOW,
            leeway=0,
        ),
        "PyJWT": lambda: pyjwt.decode(token, theirs, [algorithm], audience=AUDIENCE, issuer=ISSUER),
        "joserfc": lambda: claims_of_joserfc.validate(joserfc.jwt.decode(token, key_of_joserfc, [algorithm]).claims),
    }


def _bare_verifier(private: PrivateKeyTypes, token: str) -> Callable[[], object]:
    """The bare check of the token's signature, everything around it done beforehand."""
    message, _, encoded = token.encode().rpartition(b".")
    signature = base64.urlsafe_b64decode(encoded + b"==")
    match private:
        case rsa.RSAPrivateKey():
            rsa_key = private.public_key()
            return lambda: rsa_key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePrivateKey():
            ec_key = private.public_key()
            der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
            return lambda: ec_key.verify(der, message, ec.ECDSA(hashes.SHA256()))
        case ed25519.Ed25519PrivateKey():
            ed_key = private.public_key()
            return lambda: ed_key.verify(signature, message)
    raise TypeError(type(private))


def _signers(key: Key) -> dict[str, Callable[[], object]]:
    pem = key.to_pem(private=True)
    private = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError(type(private))
    message = b"x" * 400  # about what the claims above come to
    key_of_joserfc = joserfc.jwk.import_key(key.to_jwk(private=True))
    return {
        LIMIT: lambda: private.sign(message, ec.ECDSA(hashes.SHA256())),
        "jotary": lambda: jwt.sign(CLAIMS, key, typ=TYP),
        "PyJWT": lambda: pyjwt.encode(CLAIMS, private, algorithm="ES256", headers={"typ": TYP}),
        "joserfc": lambda: joserfc.jwt.encode({"alg": "ES256", "typ": TYP}, CLAIMS, key_of_joserfc),
    }
