"""Signing an access token with ES256.

The limit is `cryptography` alone: the same signature over as many bytes, with no token around it.
"""

from collections.abc import Callable, Iterator

import joserfc.jwk
import joserfc.jwt
import jwt as pyjwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.access_token import CLAIMS, tokens
from bench.measurement import JOTARY, Comparison, Effort, Target, compare
from jotary.jose import Key, jwt
from jotary.tokens.access_token import TYP


def measure(effort: Effort) -> Iterator[Comparison]:
    """The algorithm that jotary signs with unless told otherwise."""
    yield compare("sign a token, ES256", _signers(Key.generate("ES256")), effort, target=Target(1.4))


def _signers(key: Key) -> dict[str, Callable[[], object]]:
    private = serialization.load_pem_private_key(key.to_pem(private=True).encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError(type(private))
    message = tokens(key, 1)[0].rpartition(".")[0].encode()
    key_of_joserfc = joserfc.jwk.import_key(key.to_jwk(private=True))
    return {
        "cryptography, bare": lambda: private.sign(message, ec.ECDSA(hashes.SHA256())),
        JOTARY: lambda: jwt.sign(CLAIMS, key, typ=TYP),
        "PyJWT": lambda: pyjwt.encode(CLAIMS, private, algorithm="ES256", headers={"typ": TYP}),
        "joserfc": lambda: joserfc.jwt.encode({"alg": "ES256", "typ": TYP}, CLAIMS, key_of_joserfc),
    }
