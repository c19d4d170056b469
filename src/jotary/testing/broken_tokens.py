"""Tokens with one mistake each, by the check that it breaks, which whatever explains tokens must name."""

import json
from typing import Any

from jotary.jose import Key, base64url, jws
from jotary.testing.issuer import TestIssuer


def broken_tokens(issuer: TestIssuer) -> dict[str, str]:
    """One token for every check of `jotary explain` but `revoked`, in its order; each breaks that check alone.

    Args:
        issuer: one that signs with ES256. Expectations are its name, its audience and its keys, at its time.
    """
    now = int(issuer.clock())
    valid = issuer.token(scopes=["todo:read"], nbf=now)
    header, payload, signature = valid.split(".")
    kid = issuer.signing_key.kid

    def headed(text: bytes) -> str:
        return jws.sign_with(base64url.decode(payload), issuer.signing_key, "ES256", base64url.encode_bytes(text))

    def changed(**members: Any) -> str:
        said = {"alg": "ES256", "typ": "at+jwt", "kid": kid, **members}
        return headed(json.dumps({name: value for name, value in said.items() if value is not None}).encode())

    form = {
        "size": issuer.token(padding="x" * 9000),
        "form": f"{header}.{payload}",
        "header_base64url": f"{header}=.{payload}.{signature}",
        "header_json": headed(b'{"alg":"ES256","alg":"ES256"}'),
        "header": changed(alg=None),
        "crit": changed(crit=["exp"], exp=1),
        "payload_base64url": f"{header}.{payload}=.{signature}",
        "signature_base64url": f"{valid}=",
        "b64": changed(b64=False, crit=["b64"]),
        "alg": changed(alg="HS256"),
        "kid": changed(kid="unknown"),
        "signature": issuer.token(key=Key.generate("ES256", kid=kid)),
        "payload_json": issuer.sign(b"[]", header={"typ": "at+jwt"}),
        "typ": changed(typ="JWT"),
    }
    return {**form, **_with_broken_claims(issuer, now)}


def _with_broken_claims(issuer: TestIssuer, now: int) -> dict[str, str]:
    return {
        "iss": issuer.token(iss=f"{issuer.issuer}/"),
        "aud": issuer.token(aud="https://other.example"),
        "exp": issuer.token(exp=now - 5),  # as long ago as clocks may differ
        "nbf": issuer.token(nbf=now + 6),
        "iat": issuer.token(iat=now + 6),
        "sub": issuer.token(without=["sub"]),
        "client_id": issuer.token(without=["client_id"]),
        "jti": issuer.token(jti=""),
        "scope": issuer.token(scope=["todo:read"]),
        "sid": issuer.token(sid=7),
    }
