"""One row per signature algorithm, holding everything about it; code below never looks at the ``alg`` string.

RFC 7518 §3 (HMAC, RSA, ECDSA), RFC 8037 §3.1 (EdDSA), RFC 9864 §2.2 (Ed25519, Ed448), RFC 9964 §5 (ML-DSA). ``none``
does not exist here. A new algorithm is one row.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from jotary.jose import signatures
from jotary.jose.errors import JOSEError
from jotary.jose.key_types import akp_keys, okp_keys
from jotary.jose.signatures import Sign, Verify

RSA_BITS = 2048  # RFC 7518 §3.3 asks for at least this; a larger modulus makes every signature several times dearer


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What is known about one signature algorithm.

    Attributes:
        name: the ``alg`` value.
        kty: the key type that it takes.
        variant: the curve that it takes, or whatever else parts the keys of the type; None where nothing does.
        verifier: turns a public key into a function of (signature, message) that raises InvalidSignature.
        signer: turns a private key into a function from message to signature.
        generate: makes a private key.
        minimum_bits: the smallest key that it takes; 0 where the curve or the algorithm fixes the size.
        is_opt_in: whether it stands in no default list, and so is taken only where somebody names it.
    """

    name: str
    kty: str
    variant: str | None
    verifier: Callable[[Any], Verify]
    signer: Callable[[Any], Sign]
    generate: Callable[[], Any]
    minimum_bits: int = 0
    is_opt_in: bool = False

    def fits(self, kty: str, variant: str | None, bits: int) -> bool:
        """Tell whether a key of this type, variant and size can be used with the algorithm."""
        return self.kty == kty and self.variant == variant and bits >= self.minimum_bits


def _hmac(name: str, digest: str, size: int) -> Algorithm:
    return Algorithm(
        name,
        kty="oct",
        variant=None,
        verifier=signatures.hmac_verifier(digest),
        signer=signatures.hmac_signer(digest),
        generate=lambda: secrets.token_bytes(size),
        minimum_bits=size * 8,  # RFC 7518 §3.2: a key as long as the hash, or longer
    )


def _rsa(
    name: str,
    scheme: padding.AsymmetricPadding,
    digest: hashes.HashAlgorithm,
    verifier: Callable[[rsa.RSAPublicKey], Verify],
) -> Algorithm:
    return Algorithm(
        name,
        kty="RSA",
        variant=None,
        verifier=verifier,
        signer=signatures.rsa_signer(scheme, digest),
        generate=lambda: rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS),
        minimum_bits=2048,  # RFC 7518 §3.3, §3.5
    )


def _pkcs1(name: str, digest: hashes.HashAlgorithm) -> Algorithm:
    return _rsa(name, padding.PKCS1v15(), digest, signatures.rsa_pkcs1_verifier(digest))


def _pss(name: str, digest: hashes.HashAlgorithm) -> Algorithm:
    # RFC 7518 §3.5: MGF1 with the same hash, and a salt as long as the hash
    scheme = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
    return _rsa(name, scheme, digest, signatures.rsa_pss_verifier(scheme, digest))


def _ecdsa(name: str, crv: str, curve: ec.EllipticCurve, digest: hashes.HashAlgorithm) -> Algorithm:
    size = (curve.key_size + 7) // 8
    return Algorithm(
        name,
        kty="EC",
        variant=crv,
        verifier=signatures.ecdsa_verifier(digest, size),
        signer=signatures.ecdsa_signer(ec.ECDSA(digest), size),
        generate=lambda: ec.generate_private_key(curve),
    )


def _eddsa(name: str, crv: str, *, is_opt_in: bool = False) -> Algorithm:
    return Algorithm(
        name,
        kty="OKP",
        variant=crv,
        verifier=signatures.eddsa_verifier,
        signer=signatures.eddsa_signer,
        generate=partial(okp_keys.generate, crv),
        is_opt_in=is_opt_in,
    )


def _ml_dsa(name: str) -> Algorithm:
    return Algorithm(
        name,
        kty="AKP",
        variant=name,
        verifier=signatures.ml_dsa_verifier,
        signer=signatures.ml_dsa_signer,
        generate=partial(akp_keys.generate, name),
        is_opt_in=True,
    )


_ROWS = (
    _pkcs1("RS256", hashes.SHA256()),
    _pkcs1("RS384", hashes.SHA384()),
    _pkcs1("RS512", hashes.SHA512()),
    _pss("PS256", hashes.SHA256()),
    _pss("PS384", hashes.SHA384()),
    _pss("PS512", hashes.SHA512()),
    _ecdsa("ES256", "P-256", ec.SECP256R1(), hashes.SHA256()),
    _ecdsa("ES384", "P-384", ec.SECP384R1(), hashes.SHA384()),
    _ecdsa("ES512", "P-521", ec.SECP521R1(), hashes.SHA512()),
    _eddsa("EdDSA", "Ed25519"),  # RFC 9864 §4.1.2 deprecates the name, but it is the one that is in use
    _eddsa("Ed25519", "Ed25519", is_opt_in=True),
    _eddsa("Ed448", "Ed448", is_opt_in=True),
    _ml_dsa("ML-DSA-44"),
    _ml_dsa("ML-DSA-65"),
    _ml_dsa("ML-DSA-87"),
    # Taken only with a single key that the caller names, never from a KeySet.
    _hmac("HS256", "sha256", 32),
    _hmac("HS384", "sha384", 48),
    _hmac("HS512", "sha512", 64),
)

ALGORITHMS: dict[str, Algorithm] = {row.name: row for row in _ROWS}

#: By these whoever verifies cannot sign.
ASYMMETRIC_ALGORITHMS = tuple(row.name for row in _ROWS if row.kty != "oct")

#: Those of them that are taken where nobody names any.
DEFAULT_ALGORITHMS = tuple(name for name in ASYMMETRIC_ALGORITHMS if not ALGORITHMS[name].is_opt_in)


def unsupported_algorithm() -> JOSEError:
    """Return the error for an algorithm that has no row."""
    return JOSEError("unsupported_algorithm", f"an algorithm must be one of {', '.join(ALGORITHMS)}")
