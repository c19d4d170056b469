"""Signing an access token with ES256.

The limit is `cryptography` alone: the same signature over as many bytes, with no token around it.
"""

from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.access_token import CLAIMS, tokens
from bench.measurement import JOTARY, Comparison, Effort, Target, compare
from bench.peers.node_tokens import node_tokens
from bench.peers.python_tokens import signers
from jotary.jose import Key, jwt
from jotary.tokens.access_token import TYP


def measure(effort: Effort) -> Iterator[Comparison]:
    """The algorithm that jotary signs with unless told otherwise."""
    key = Key.generate("ES256")
    with node_tokens(key, tokens(key, 1)) as node:
        yield compare("sign a token, ES256", _signers(key), effort, target=Target(1.4), elsewhere=node.sign)


def _signers(key: Key) -> dict[str, Callable[[], object]]:
    private = serialization.load_pem_private_key(key.to_pem(private=True).encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError(type(private))
    message = tokens(key, 1)[0].rpartition(".")[0].encode()
    return {
        "cryptography, bare": lambda: private.sign(message, ec.ECDSA(hashes.SHA256())),
        JOTARY: lambda: jwt.sign(CLAIMS, key, typ=TYP),
        **signers(key),
    }
