"""Sample APIs as others build them, on PyJWT, joserfc and Authlib, of which every check can be left out."""

import json
import warnings
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import parse_qs
from urllib.request import urlopen

import jwt as pyjwt
import pytest
from authlib.deprecate import AuthlibDeprecationWarning
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from jotary.jose import Key, jws
from jotary.testing import TestIssuer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # it sends its users to joserfc; many have not gone yet
    from authlib.jose import JsonWebToken

Claims = dict[str, Any]
Verify = Callable[[str, Claims, TestIssuer, Collection[str]], Claims]

REGISTERED = ("iss", "sub", "aud", "exp", "nbf", "iat")


def with_pyjwt(token: str, jwk: Claims, issuer: TestIssuer, without: Collection[str]) -> Claims:
    """As its documentation shows it, with every option said."""
    options: Any = {f"verify_{name}": name not in without for name in REGISTERED}
    options["require"] = [name for name in REGISTERED if name not in {*without, "nbf"}]
    expected: Any = {"audience": issuer.audience, "issuer": issuer.issuer}
    claims: Claims = pyjwt.decode(token, pyjwt.PyJWK(jwk).key, algorithms=["ES256"], options=options, **expected)
    return claims


def with_joserfc(token: str, jwk: Claims, issuer: TestIssuer, without: Collection[str]) -> Claims:
    """A claims registry; a check that is left out is overridden by one that does nothing."""
    claims = joserfc_jwt.decode(token, joserfc_jwk.ECKey.import_key(jwk), algorithms=["ES256"]).claims
    skipped = {f"validate_{name}": lambda _self, _value: None for name in without}
    registry = type("Registry", (joserfc_jwt.JWTClaimsRegistry,), skipped)
    wanted: dict[str, Any] = {name: {"essential": True} for name in REGISTERED if name not in {*without, "nbf"}}
    for name, value in (("iss", issuer.issuer), ("aud", issuer.audience)):
        if name in wanted:
            wanted[name]["value"] = value
    registry(**wanted).validate(claims)
    return claims


def with_authlib(token: str, jwk: Claims, issuer: TestIssuer, without: Collection[str]) -> Claims:
    """Claims options, and the validations one by one, so that each can be left out."""
    wanted: dict[str, Any] = {name: {"essential": True} for name in REGISTERED if name not in {*without, "nbf"}}
    for name, value in (("iss", issuer.issuer), ("aud", issuer.audience)):
        if name in wanted:
            wanted[name]["value"] = value
    claims = JsonWebToken(["ES256"]).decode(token, jwk, claims_options=wanted)
    claims._validate_essential_claims()
    now = int(issuer.clock())
    for name in REGISTERED:
        if name not in without:
            validate = getattr(claims, f"validate_{name}")
            validate(now, 0) if name in {"exp", "nbf", "iat"} else validate()
    return dict(claims)


BUILT_IN = {"pyjwt": {"crit"}, "joserfc": {"size", "x5c"}}
LIBRARIES: dict[str, Verify] = {"pyjwt": with_pyjwt, "joserfc": with_joserfc, "authlib": with_authlib}


class Refused(Exception):  # noqa: N818 -- an answer
    """With a status."""


class SampleApi:
    """A WSGI application, and an ASGI one, of which checks were left out.

    Args:
        issuer: whose tokens it takes.
        verify: the library.
        without: the checks that it lacks.
    """

    def __init__(self, issuer: TestIssuer, verify: Verify, without: Collection[str] = ()) -> None:
        self._issuer = issuer
        self._verify = verify
        self._without = frozenset(without)
        self.scopes = {"todo:read", "todo:write"}

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """PEP 3333."""
        header = environ.get("HTTP_AUTHORIZATION")
        status = self.status([] if header is None else [header.encode("latin-1")], environ["QUERY_STRING"])
        start_response(f"{status} Said", [("Content-Type", "text/plain")])
        return [b"tasks"]

    async def asgi(self, scope: dict[str, Any], _: Any, send: Callable[..., Any]) -> None:
        """ASGI 3, without a lifespan."""
        assert scope["type"] == "http"
        headers = [value for name, value in scope["headers"] if name == b"authorization"]
        status = self.status(headers, scope["query_string"].decode())
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"tasks"})

    def status(self, authorization: list[bytes], query: str) -> int:
        """Let in, or not; what a check that is missing would have caught goes on."""
        try:
            self._check(self._token(authorization, query))
        except Refused as refused:
            return int(str(refused))
        except RecursionError:
            if self._has("nesting"):
                return 401
            raise
        except Exception:
            if self._has("json"):
                return 401
            raise
        return 200

    def _has(self, check: str) -> bool:
        return check not in self._without

    def _require(self, check: str, *, holds: bool, status: int = 401) -> None:
        if self._has(check) and not holds:
            raise Refused(status)

    def _token(self, authorization: list[bytes], query: str) -> str:
        asked = parse_qs(query).get("access_token", [])
        self._require("query", holds=not asked)
        if asked and not authorization:
            return asked[0]
        self._require("one header", holds=len(authorization) < 2 and b"," not in b"".join(authorization))
        words = b" ".join(authorization[:1]).decode("latin-1").split(" ")
        self._require("scheme", holds=len(words) == 2 and words[0] == "Bearer")
        token = next((word for word in words if word.count(".") == 2), "").partition(",")[0]
        if not token and not self._has("token"):
            return self._issuer.token(scopes=self.scopes)  # an anonymous caller is somebody, too
        self._require("size", holds=len(token) < 8192)
        return token

    def _check(self, token: str) -> None:
        header, payload = (_decoded(part) for part in token.split(".")[:2])
        members: Claims = json.loads(header)
        jwk = self._key(members)
        if self._has("duplicates"):
            json.loads(header, object_pairs_hook=_once)
        self._require("alg", holds=members["alg"] == "ES256")
        if not self._has("signature") or members["alg"] != "ES256":
            token, jwk = _signed_anew(payload)
        claims = self._verify(token, jwk, self._issuer, self._without)
        if self._has("duplicates"):
            json.loads(payload, object_pairs_hook=_once)
        self._check_claims(members, claims)

    def _check_claims(self, header: Claims, claims: Claims) -> None:
        self._require("crit", holds={"crit", "b64"}.isdisjoint(header))
        self._require("typ", holds=header.get("typ") == "at+jwt")
        self._require("exp", holds=type(claims.get("exp")) is int)
        self._require("aud", holds=isinstance(claims.get("aud"), str | list))
        for name in ("sub", "client_id", "jti"):
            self._require(name, holds=isinstance(claims.get(name), str) and bool(claims[name]))
        self._require("scope", holds=self.scopes <= set(claims.get("scope", "").split(" ")), status=403)

    def _key(self, header: Claims) -> Claims:
        """The issuer's key, unless the API lacks the check that keeps it from another one."""
        for name, read in BROUGHT.items():
            if name in header and not self._has(name):
                return read(header[name], header.get("kid"))
        keys = {key["kid"]: key for key in self._issuer.jwks()["keys"]}
        if not self._has("kid"):
            return dict(next(iter(keys.values())))
        return dict(keys[header["kid"]])


def _signed_anew(payload: bytes) -> tuple[str, Claims]:
    """A signature that holds over whatever claims came: so the library's other checks go on without this one."""
    key = Key.generate("ES256")
    return jws.sign(payload, key), key.to_jwk()


def _fetched(url: str) -> bytes:
    with urlopen(url, timeout=5) as answer:  # noqa: S310 -- the mistake that is shown
        body: bytes = answer.read()
    return body


def _of_certificate(certificate: x509.Certificate) -> Claims:
    pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return Key.from_pem(pem).to_jwk()


BROUGHT: dict[str, Callable[[Any, Any], Claims]] = {
    "jwk": lambda value, _: dict(value),
    "jku": lambda value, kid: next(key for key in json.loads(_fetched(value))["keys"] if key["kid"] == kid),
    "x5c": lambda value, _: _of_certificate(x509.load_der_x509_certificate(b64decode(value[0]))),
    "x5u": lambda value, _: _of_certificate(x509.load_pem_x509_certificate(_fetched(value))),
}


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _once(pairs: Iterable[tuple[str, Any]]) -> Claims:
    pairs = list(pairs)
    if len(dict(pairs)) != len(pairs):
        raise Refused(401)
    return dict(pairs)


@pytest.fixture
def issuer() -> TestIssuer:
    """At the real time, which is what these libraries ask for."""
    return TestIssuer("https://id.example.com", audience="https://todo.example.com")


@pytest.fixture(params=sorted(LIBRARIES))
def library(request: pytest.FixtureRequest) -> str:
    """Each of the libraries."""
    return str(request.param)


@pytest.fixture
def built_in(library: str) -> set[str]:
    """The checks that cannot be taken out of an API, since the library has them always."""
    return BUILT_IN.get(library, set())


@pytest.fixture
def sample(library: str, issuer: TestIssuer) -> Callable[..., SampleApi]:
    """Makes an API: `sample("exp")` lacks that check."""
    return lambda *without: SampleApi(issuer, LIBRARIES[library], without)
