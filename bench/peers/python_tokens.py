"""The libraries of Python that sign and verify JWTs, each as its own documentation has its users write it."""

import json
import warnings
from collections.abc import Callable
from typing import Any

import jose.jwk
import jose.jwt
import joserfc.jwk
import joserfc.jwt
import jwcrypto.jwk
import jwcrypto.jwt
import jwt as pyjwt

from bench.access_token import AUDIENCE, CLAIMS, ISSUER
from jotary.jose import Key
from jotary.tokens.access_token import TYP

with warnings.catch_warnings():  # it says that joserfc is its successor; many still have it
    from authlib.deprecate import AuthlibDeprecationWarning

    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.jose import JsonWebKey, JsonWebToken

Work = Callable[[], object]

_EXPECTED: Any = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": AUDIENCE}}


def verifiers(public: Key, algorithm: str, following: Callable[[], Callable[[], str]]) -> dict[str, Work]:
    """Verify signature, issuer, audience and times.

    Args:
        public: the key.
        algorithm: the only one that is taken.
        following: makes, for each party, what gives it one token after the other.
    """
    parties = {"PyJWT": _pyjwt, "joserfc": _joserfc, "Authlib": _authlib, "jwcrypto": _jwcrypto}
    if algorithm != "EdDSA":  # which it does not know
        parties["python-jose"] = _python_jose
    return {name: party(public, algorithm, following()) for name, party in parties.items()}


def signers(private: Key) -> dict[str, Work]:
    """Sign the claims with ES256."""
    jwk, pem = private.to_jwk(private=True), private.to_pem(private=True)
    header = {"alg": "ES256", "typ": TYP}
    for_pyjwt = pyjwt.PyJWK(jwk, "ES256").key
    for_joserfc, for_authlib = joserfc.jwk.import_key(jwk), JsonWebKey.import_key(jwk)
    for_jwcrypto, authlib = jwcrypto.jwk.JWK(**jwk), JsonWebToken(["ES256"])

    def by_jwcrypto() -> str:
        token = jwcrypto.jwt.JWT(header=header, claims=CLAIMS)
        token.make_signed_token(for_jwcrypto)
        text: str = token.serialize()
        return text

    return {
        "PyJWT": lambda: pyjwt.encode(CLAIMS, for_pyjwt, algorithm="ES256", headers={"typ": TYP}),
        "joserfc": lambda: joserfc.jwt.encode(header, CLAIMS, for_joserfc),
        "Authlib": lambda: authlib.encode(header, CLAIMS, for_authlib),
        "python-jose": lambda: jose.jwt.encode(CLAIMS, pem, "ES256", headers={"typ": TYP}),
        "jwcrypto": by_jwcrypto,
    }


def _pyjwt(public: Key, algorithm: str, following: Callable[[], str]) -> Work:
    key = pyjwt.PyJWK(public.to_jwk(), algorithm)
    return lambda: pyjwt.decode(following(), key, [algorithm], audience=AUDIENCE, issuer=ISSUER)


def _joserfc(public: Key, algorithm: str, following: Callable[[], str]) -> Work:
    key = joserfc.jwk.import_key(public.to_jwk())
    registry = joserfc.jwt.JWTClaimsRegistry(**_EXPECTED)
    return lambda: registry.validate(joserfc.jwt.decode(following(), key, [algorithm]).claims)


def _authlib(public: Key, algorithm: str, following: Callable[[], str]) -> Work:
    key, authlib = JsonWebKey.import_key(public.to_jwk()), JsonWebToken([algorithm])
    return lambda: authlib.decode(following(), key, claims_options=_EXPECTED).validate()


def _python_jose(public: Key, algorithm: str, following: Callable[[], str]) -> Work:
    key = jose.jwk.construct(public.to_jwk(), algorithm)
    return lambda: jose.jwt.decode(following(), key, [algorithm], audience=AUDIENCE, issuer=ISSUER)


def _jwcrypto(public: Key, algorithm: str, following: Callable[[], str]) -> Work:
    key = jwcrypto.jwk.JWK(**public.to_jwk())
    expected = {"iss": ISSUER, "aud": AUDIENCE}

    def verify() -> object:
        token = jwcrypto.jwt.JWT(jwt=following(), key=key, algs=[algorithm], check_claims=expected)
        return json.loads(token.claims)

    return verify
