"""Attacks on the choice of the key: names that lead elsewhere, and keys that the token brings (RFC 8725 §3.10)."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from jotary.jose import Key
from jotary.testing.attacks.attack import Attack
from jotary.testing.attacks.forger import Forger
from jotary.testing.loopback_issuer import Fault

_X5U_PATH = "/certificate.pem"
_LONG = 4000  # characters: far beyond a name, and far below what a web server takes as a header

_kid = partial(Attack, check="kid", standard="RFC 8725 §3.10", supposes=("signature", "alg"))
_brought = partial(Attack, standard="RFC 8725 §3.10", supposes=("signature",))


def _named(forger: Forger, kid: Any) -> str:
    """Signed by a stranger, whose key no name may lead to."""
    return forger.token(header={"kid": kid}, key=forger.stranger)


def _embedded_jwk(forger: Forger) -> str:
    return forger.token(header={"jwk": forger.stranger.to_jwk()}, key=forger.stranger)


def _jku(forger: Forger) -> str:
    accomplice = forger.accomplice
    key = accomplice.signing_key
    return forger.token(header={"jku": accomplice.origin + accomplice.jwks_path, "kid": key.kid}, key=key)


def _x5c(forger: Forger) -> str:
    der = _certificate(forger, forger.stranger).public_bytes(serialization.Encoding.DER)
    return forger.token(header={"x5c": [b64encode(der).decode("ascii")]}, key=forger.stranger)


def _x5u(forger: Forger) -> str:
    key = forger.accomplice.signing_key
    pem = _certificate(forger, key).public_bytes(serialization.Encoding.PEM)
    forger.accomplice.faults[_X5U_PATH] = Fault(status=200, body=pem)
    return forger.token(header={"x5u": forger.accomplice.origin + _X5U_PATH, "kid": key.kid}, key=key)


def _certificate(forger: Forger, key: Key) -> x509.Certificate:
    """A certificate that the attacker gave itself, in the issuer's name."""
    private = serialization.load_pem_private_key(key.to_pem(private=True).encode(), None)
    signer = cast("rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey", private)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.fromtimestamp(forger.now, UTC)
    builder = x509.CertificateBuilder(name, name, signer.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


ATTACKS = (
    _kid(name="kid unknown", forge=lambda f: f.token(header={"kid": "no-such-key"}), level="strict"),
    _kid(name="kid unknown, of a stranger", forge=lambda f: _named(f, "no-such-key")),
    _kid(name="kid is a path to an empty file", forge=lambda f: f.hs256(b"", kid="../../../../../../../../dev/null")),
    _kid(name="kid is an SQL injection", forge=lambda f: f.hs256(b"x", kid="' UNION SELECT 'x' -- ")),
    _kid(name="kid is very long", forge=lambda f: _named(f, "k" * _LONG)),
    _kid(name="kid is a number", forge=lambda f: _named(f, 0)),
    _kid(name="kid is a list", forge=lambda f: _named(f, ["a", "b"])),
    _kid(name="kid is an object", forge=lambda f: _named(f, {"a": "b"})),
    _kid(name="kid holds a null character", forge=lambda f: _named(f, "\x00")),
    _brought(name="jwk in the header", check="jwk", forge=_embedded_jwk),
    _brought(name="jku in the header", check="jku", forge=_jku),
    _brought(name="x5c in the header", check="x5c", forge=_x5c),
    _brought(name="x5u in the header", check="x5u", forge=_x5u),
)
