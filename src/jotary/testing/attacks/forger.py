"""Tokens that are good but for one thing: what an honest library would never sign."""

import hmac
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from jotary.jose import Key, base64url, jws, strict_json
from jotary.testing.issuer import TestIssuer
from jotary.testing.loopback_issuer import LoopbackIssuer

_OTHER_SUBJECT = "somebody-else"


class Forger:
    """Takes good tokens of an issuer, and changes what it is told to.

    Args:
        issuer: whose tokens the API takes.
        scopes: the scopes of the good token: those that the route asks for.
        claims: what else the good token says, as arguments of `TestIssuer.token`.
    """

    def __init__(
        self,
        issuer: TestIssuer,
        *,
        scopes: Collection[str] = (),
        claims: Mapping[str, Any] | None = None,
    ) -> None:
        self.issuer = issuer
        self.scopes = tuple(scopes)
        self.extra = dict(claims or {})
        self._accomplice: LoopbackIssuer | None = None

    @property
    def now(self) -> int:
        """Unix seconds, as the issuer sees them."""
        return int(self.issuer.clock())

    @cached_property
    def stranger(self) -> Key:
        """A key of the attacker, of the same kind and name as the issuer's."""
        return Key.generate(self.issuer.algorithm, kid=self.issuer.signing_key.kid)

    @property
    def accomplice(self) -> LoopbackIssuer:
        """A server of the attacker, on loopback. It listens from the first use until `close`."""
        if self._accomplice is None:
            self._accomplice = LoopbackIssuer(algorithm=self.issuer.algorithm, clock=self.issuer.clock)
        return self._accomplice

    @property
    def visits(self) -> list[str]:
        """The paths that somebody fetched from the attacker's server, if there is one."""
        return [] if self._accomplice is None else self._accomplice.requests

    def close(self) -> None:
        """Stop the attacker's server."""
        if self._accomplice is not None:
            self._accomplice.close()
            self._accomplice = None

    def good(self) -> str:
        """Return a token that the API must take."""
        return self.issuer.token(scopes=self.scopes, **self.extra)

    def parts(self) -> tuple[dict[str, Any], dict[str, Any], bytes]:
        """Return header, claims and signature of a good token."""
        parsed = jws.parse(self.good())
        return parsed.header, strict_json.loads_object(parsed.payload), parsed.signature

    def token(
        self,
        *,
        header: Mapping[str, Any] | None = None,
        without: Collection[str] = (),
        key: Key | None = None,
        **claims: Any,
    ) -> str:
        """Sign a token with changes. Whatever is not named is as in a good one.

        Args:
            header: members to add or replace; None as a value removes one.
            without: claims to leave out.
            key: what signs instead of the issuer's key.
            claims: to add or replace, of any type.
        """
        members, said, _ = self.parts()
        members = {name: value for name, value in {**members, **(header or {})}.items() if value is not None}
        said = {name: value for name, value in {**said, **claims}.items() if name not in without}
        return self.sign(strict_json.dumps(members), strict_json.dumps(said), key)

    def sign(self, header: bytes, payload: bytes, key: Key | None = None) -> str:
        """Sign any bytes under any header, whatever `alg` stands there."""
        key = key or self.issuer.signing_key
        message = _message(header, payload)
        return _compact(message, key.signer(self.issuer.algorithm)(message))

    def hs256(self, secret: bytes, **header: Any) -> str:
        """Sign with HMAC under a secret that the API might be led to use (RFC 8725 §2.1)."""
        members, said, _ = self.parts()
        message = _message(strict_json.dumps({**members, "alg": "HS256", **header}), strict_json.dumps(said))
        return _compact(message, hmac.digest(secret, message, "sha256"))

    def unsigned(self, **header: Any) -> str:
        """Return a good token with another header and no signature."""
        members, said, _ = self.parts()
        members = {name: value for name, value in {**members, **header}.items() if value is not None}
        return _compact(_message(strict_json.dumps(members), strict_json.dumps(said)), b"")

    def with_signature(self, signature: bytes) -> str:
        """Return a good token with another signature."""
        members, said, _ = self.parts()
        return _compact(_message(strict_json.dumps(members), strict_json.dumps(said)), signature)

    def with_another_payload(self) -> str:
        """Return a token whose signature is of another one: the subject was changed after it was signed."""
        members, said, signature = self.parts()
        return _compact(
            _message(strict_json.dumps(members), strict_json.dumps({**said, "sub": _OTHER_SUBJECT})), signature
        )


def _message(header: bytes, payload: bytes) -> bytes:
    return base64url.encode_bytes(header) + b"." + base64url.encode_bytes(payload)


def _compact(message: bytes, signature: bytes) -> str:
    return (message + b"." + base64url.encode_bytes(signature)).decode("ascii")
