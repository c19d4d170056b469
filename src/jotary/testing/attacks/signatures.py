"""Attacks on the signature and on the choice of its algorithm (RFC 7515 §5.2, RFC 8725 §3.1)."""

from functools import partial

from jotary.jose import strict_json
from jotary.testing.attacks.attack import Attack
from jotary.testing.attacks.forger import Forger

_signature = partial(Attack, check="signature", standard="RFC 7515 §5.2")
_alg = partial(Attack, check="alg", standard="RFC 8725 §3.1", supposes=("signature",))


def _changed_signature(forger: Forger) -> str:
    signature = bytearray(forger.parts()[2])
    signature[len(signature) // 2] ^= 1
    return forger.with_signature(bytes(signature))


def _zero_signature(forger: Forger) -> str:
    return forger.with_signature(bytes(len(forger.parts()[2])))  # r = s = 0, which some implementations of ECDSA take


def _public_pem(forger: Forger) -> bytes:
    return forger.issuer.signing_key.to_pem().encode()


def _public_jwk(forger: Forger) -> bytes:
    return strict_json.dumps(forger.issuer.signing_key.to_jwk())


def _another_name(forger: Forger) -> str:
    return forger.token(header={"alg": "PS256" if forger.issuer.algorithm == "RS256" else "RS256"})


ATTACKS = (
    _signature(name="signature stripped", forge=lambda forger: forger.with_signature(b"")),
    _signature(name="signature changed", forge=_changed_signature),
    _signature(name="signature of zeros", forge=_zero_signature),
    _signature(name="claims changed", forge=Forger.with_another_payload),
    _signature(name="another key under the same kid", forge=lambda forger: forger.token(key=forger.stranger)),
    _alg(name="alg none", forge=lambda forger: forger.unsigned(alg="none")),
    _alg(name="alg None", forge=lambda forger: forger.unsigned(alg="None")),
    _alg(name="alg NONE", forge=lambda forger: forger.unsigned(alg="NONE")),
    _alg(name="alg nOnE", forge=lambda forger: forger.unsigned(alg="nOnE")),
    _alg(name="alg none, without kid", forge=lambda forger: forger.unsigned(alg="none", kid=None)),
    _alg(name="alg missing", forge=lambda forger: forger.unsigned(alg=None)),
    _alg(name="alg of another type", forge=lambda forger: forger.unsigned(alg=["none"])),
    _alg(name="HS256 under the public key in PEM", forge=lambda forger: forger.hs256(_public_pem(forger))),
    _alg(name="HS256 under the public key in PEM, trimmed", forge=lambda f: f.hs256(_public_pem(f).strip())),
    _alg(name="HS256 under the public key as JWK", forge=lambda forger: forger.hs256(_public_jwk(forger))),
    _alg(name="HS256 under no key", forge=lambda forger: forger.hs256(b"")),
    _alg(name="alg swapped", forge=_another_name, level="strict"),
)
