"""Signing and verifying bytes: each function binds a key once, so that a call does the arithmetic and nothing else.

A ``Verify`` takes (signature, message), returns None and raises ``cryptography.exceptions.InvalidSignature``.

Whoever verifies hashes with ``hashlib`` and hands over the digest: the same hash, but without the preparations that
``cryptography`` makes for each one.
"""

import hashlib
import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from jotary.jose.ecdsa_encoding import der_from_raw, raw_from_der

Verify = Callable[[bytes, bytes], None]
Sign = Callable[[bytes], bytes]
EdDSAPublicKey = ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
EdDSAPrivateKey = ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
MLDSAPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
MLDSAPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey


# What stands before a hash in an RSASSA-PKCS1-v1_5 signature (RFC 8017 §9.2, note 1).
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def rsa_pkcs1_verifier(digest: hashes.HashAlgorithm) -> Callable[[rsa.RSAPublicKey], Verify]:
    """RSASSA-PKCS1-v1_5 (RFC 7518 §3.3), by comparing encodings as RFC 8017 §8.2.2 has it.

    What was signed is opened and compared with the one encoding that there is for the hash: nothing in it is parsed,
    and OpenSSL prepares less for it than for `verify`.
    """
    hashed, prefix, scheme = _hash(digest), _DIGEST_INFO[digest.name], padding.PKCS1v15()

    def bind(key: rsa.RSAPublicKey) -> Verify:
        size, opened = (key.key_size + 7) // 8, key.recover_data_from_signature

        def verify(signature: bytes, message: bytes) -> None:
            # RFC 8017 §8.2.2, step 1: OpenSSL refuses a longer signature, but opens a shorter one
            if len(signature) != size or opened(signature, scheme, None) != prefix + hashed(message).digest():
                raise InvalidSignature

        return verify

    return bind


def rsa_pss_verifier(scheme: padding.PSS, digest: hashes.HashAlgorithm) -> Callable[[rsa.RSAPublicKey], Verify]:
    """RSASSA-PSS (RFC 7518 §3.5)."""
    hashed, prehashed = _hash(digest), Prehashed(digest)

    def bind(key: rsa.RSAPublicKey) -> Verify:
        check = key.verify
        return lambda signature, message: check(signature, hashed(message).digest(), scheme, prehashed)

    return bind


def rsa_signer(scheme: padding.AsymmetricPadding, digest: hashes.HashAlgorithm) -> Callable[[rsa.RSAPrivateKey], Sign]:
    """RSASSA-PKCS1-v1_5 or RSASSA-PSS, by the padding given (RFC 7518 §3.3, §3.5)."""

    def bind(key: rsa.RSAPrivateKey) -> Sign:
        sign = key.sign
        return lambda message: sign(message, scheme, digest)

    return bind


def ecdsa_verifier(digest: hashes.HashAlgorithm, size: int) -> Callable[[ec.EllipticCurvePublicKey], Verify]:
    """ECDSA over the raw signature r ‖ s, each ``size`` bytes (RFC 7518 §3.4)."""
    hashed, scheme = _hash(digest), ec.ECDSA(Prehashed(digest))

    def bind(key: ec.EllipticCurvePublicKey) -> Verify:
        check = key.verify

        def verify(signature: bytes, message: bytes) -> None:
            check(der_from_raw(signature, size), hashed(message).digest(), scheme)

        return verify

    return bind


def ecdsa_signer(scheme: ec.ECDSA, size: int) -> Callable[[ec.EllipticCurvePrivateKey], Sign]:
    """ECDSA, giving the raw signature r ‖ s, each ``size`` bytes (RFC 7518 §3.4)."""

    def bind(key: ec.EllipticCurvePrivateKey) -> Sign:
        private_sign = key.sign

        def sign(message: bytes) -> bytes:
            return raw_from_der(private_sign(message, scheme), size)

        return sign

    return bind


def eddsa_verifier(key: EdDSAPublicKey) -> Verify:
    """EdDSA over the curve of the key (RFC 8037 §3.1)."""
    return key.verify


def eddsa_signer(key: EdDSAPrivateKey) -> Sign:
    """EdDSA over the curve of the key (RFC 8037 §3.1)."""
    return key.sign


def ml_dsa_verifier(key: MLDSAPublicKey) -> Verify:
    """ML-DSA over the message itself, with the empty context that is the library's default (RFC 9964 §5)."""
    return key.verify


def ml_dsa_signer(key: MLDSAPrivateKey) -> Sign:
    """ML-DSA over the message itself, with the empty context that is the library's default (RFC 9964 §5)."""
    return key.sign


def _hash(digest: hashes.HashAlgorithm) -> Callable[[bytes], "hashlib._Hash"]:
    """The same hash as ``hashlib`` has it."""
    hashed: Callable[[bytes], hashlib._Hash] = getattr(hashlib, digest.name)
    return hashed


def hmac_verifier(digest: str) -> Callable[[bytes], Verify]:
    """HMAC with the hash named, compared in constant time (RFC 7518 §3.2)."""

    def bind(key: bytes) -> Verify:
        def verify(signature: bytes, message: bytes) -> None:
            if not hmac.compare_digest(hmac.digest(key, message, digest), signature):
                raise InvalidSignature

        return verify

    return bind


def hmac_signer(digest: str) -> Callable[[bytes], Sign]:
    """HMAC with the hash named (RFC 7518 §3.2)."""

    def bind(key: bytes) -> Sign:
        return lambda message: hmac.digest(key, message, digest)

    return bind
