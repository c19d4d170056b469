"""Verifying an access token, never seen and seen before.

The limit of a token never seen is `cryptography` alone: the same signature over the same bytes, with no token around
it. Every library also checks issuer, audience and times. The limit of one seen before is a look-up in a dict.
"""

import base64
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bench.access_token import AUDIENCE, ISSUER, tokens
from bench.measurement import JOTARY, Comparison, Effort, Target, compare
from bench.peers.node_tokens import node_tokens
from bench.peers.python_tokens import verifiers
from jotary import TokenVerifier
from jotary.jose import Key, KeySet, jwt
from jotary.tokens.access_token import TYP, check_access_token

LIMIT = "cryptography, bare"
TARGETS = {"RS256": 1.25, "ES256": 1.10, "EdDSA": 1.06}
_REMEMBERED = 32  # half of the tokens, so that none is remembered when its turn comes again


def measure(effort: Effort) -> Iterator[Comparison]:
    """Every algorithm that access tokens are signed with in practice; then the memory of what verified."""
    for algorithm, bound in TARGETS.items():
        key = Key.generate(algorithm)
        many = tokens(key, 2 * _REMEMBERED)
        with node_tokens(key, many) as node:
            yield compare(
                f"verify a new token, {algorithm}",
                _unseen(key, algorithm, many),
                effort,
                target=Target(bound),
                elsewhere=node.verify,
            )
            if algorithm == "ES256":
                seen = "verify a token seen before"
                yield compare(seen, _seen(key), effort, target=Target(3, "figure"), elsewhere=node.seen)


def _unseen(key: Key, algorithm: str, many: Sequence[str]) -> dict[str, Callable[[], object]]:
    public = key.public()
    verifier = TokenVerifier.offline(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([public]), cache_size=_REMEMBERED)

    def following() -> Callable[[], str]:
        # One for each party: with one for all, jotary would meet the tokens that it remembers from its turn before.
        return itertools.cycle(many).__next__

    ours, alone = following(), following()
    return {
        LIMIT: bare_verifier(key, many),
        JOTARY: lambda: verifier.verify(ours()),
        "jotary.jose": lambda: check_access_token(
            jwt.verify(alone(), public, algorithms={algorithm}, typ=TYP).claims,
            issuer=ISSUER,
            audience=AUDIENCE,
            now=int(time.time()),
            leeway=0,
        ),
        **verifiers(public, algorithm, following),
    }


def _seen(key: Key) -> dict[str, Callable[[], object]]:
    (token,) = tokens(key, 1)
    verifier = TokenVerifier.offline(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([key.public()]))
    remembered = {token: verifier.verify(token)}
    return {"a dict look-up": lambda: remembered[token], JOTARY: lambda: verifier.verify(token)}


def bare_verifier(key: Key, many: Sequence[str]) -> Callable[[], object]:
    """The bare check of one token's signature after the other, everything around it done beforehand.

    As many different ones as the others get: the same one again and again is faster, as the processor learns it.
    """
    split = [token.encode().rpartition(b".") for token in many]
    signed = [(message, base64.urlsafe_b64decode(encoded + b"==")) for message, _, encoded in split]
    public: PublicKeyTypes = serialization.load_pem_public_key(key.public().to_pem().encode())
    match public:
        case rsa.RSAPublicKey():
            padded, digest = padding.PKCS1v15(), hashes.SHA256()
            calls = [partial(public.verify, signature, message, padded, digest) for message, signature in signed]
        case ec.EllipticCurvePublicKey():
            scheme = ec.ECDSA(hashes.SHA256())
            calls = [partial(public.verify, _der(signature), message, scheme) for message, signature in signed]
        case ed25519.Ed25519PublicKey():
            calls = [partial(public.verify, signature, message) for message, signature in signed]
        case _:
            raise TypeError(type(public))
    following = itertools.cycle(calls).__next__

    def verify() -> None:
        following()()

    return verify


def _der(signature: bytes) -> bytes:
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
