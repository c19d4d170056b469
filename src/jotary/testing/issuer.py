"""An issuer in memory: real keys, real signatures, no server."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jotary.jose import Key, KeySet, jws, strict_json
from jotary.tokens.access_token import TYP, access_token_claims
from jotary.tokens.id_token import TYP as ID_TOKEN_TYP
from jotary.tokens.id_token import id_token_claims
from jotary.verifier import TokenVerifier

_LIFETIME = 300  # seconds


class TestIssuer:
    """Signs access tokens for the tests of an API, good ones by default and wrong ones on demand.

    Args:
        issuer: the `iss` of its tokens.
        audience: the `aud` of its tokens: the API under test.
        algorithm: what it signs with, such as ES256.
        clock: Unix seconds; the real time by default, so that a verifier with the default clock takes the tokens.
    """

    __test__ = False  # not a test class, whatever its name begins with

    def __init__(
        self,
        issuer: str = "https://issuer.example",
        *,
        audience: str = "https://api.example",
        algorithm: str = "ES256",
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- a composition root: a user's tests begin here
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self.algorithm = algorithm
        self.clock = clock
        self.signing_key = Key.generate(algorithm)
        self._published = [self.signing_key]

    @property
    def keys(self) -> KeySet:
        """The public keys that it publishes."""
        return KeySet(self._published)

    def jwks(self) -> dict[str, Any]:
        """The same as a JWK Set."""
        return self.keys.to_jwks()

    def rotate(self) -> Key:
        """Sign with a new key from now on; the old one stays published until it is withdrawn."""
        self.signing_key = Key.generate(self.algorithm)
        self._published.append(self.signing_key)
        return self.signing_key

    def withdraw(self, key: Key) -> None:
        """Publish a key no more."""
        self._published.remove(key)

    def verifier(self, **options: Any) -> TokenVerifier:
        """Return a verifier of its tokens that needs no network; the options are those of `TokenVerifier.offline`."""
        expectations = {"issuer": self.issuer, "audience": self.audience, "keys": self.keys, "clock": self.clock}
        return TokenVerifier.offline(**{**expectations, **options})

    def token(
        self,
        sub: str = "person-1",
        *,
        scopes: Collection[str] = (),
        client_id: str = "client-1",
        session_id: str | None = "session-1",
        lifetime: int = _LIFETIME,
        without: Collection[str] = (),
        key: Key | None = None,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign an access token (RFC 9068).

        Args:
            sub: the person.
            scopes: what it allows.
            client_id: the client that it was issued to.
            session_id: `sid`; None for none, as in client credentials.
            lifetime: seconds; a negative one makes an expired token.
            without: names of claims to leave out.
            key: what signs instead of `signing_key`.
            header: members to add or replace; None as a value removes one.
            claims: claims to add or replace, of any type.
        """
        said = access_token_claims(
            issuer=self.issuer,
            subject=sub,
            audience=[self.audience],
            client_id=client_id,
            scopes=list(scopes),
            session_id=session_id,
            jti=secrets.token_urlsafe(16),
            now=int(self.clock()),
            lifetime=lifetime,
        )
        said.update(claims)
        payload = strict_json.dumps({name: value for name, value in said.items() if name not in without})
        return self.sign(payload, key=key, header={"typ": TYP, **(header or {})})

    def id_token(self, sub: str = "person-1", *, client_id: str = "client-1", **claims: Any) -> str:
        """Sign an ID token (OIDC Core §2), which is what must not be sent to an API; `claims` are added or replaced."""
        now = int(self.clock())
        said = id_token_claims(
            issuer=self.issuer,
            subject=sub,
            client_id=client_id,
            session_id="session-1",
            nonce="nonce-1",
            authenticated_at=now,
            methods=["pwd"],
            access_token="access-token",  # noqa: S106 -- a placeholder for at_hash, no secret
            algorithm=self.algorithm,
            now=now,
            lifetime=_LIFETIME,
            profile={},
        )
        return self.sign(strict_json.dumps({**said, **claims}), header={"typ": ID_TOKEN_TYP})

    def sign(self, payload: bytes, *, key: Key | None = None, header: Mapping[str, Any] | None = None) -> str:
        """Sign any bytes at all under any header that can be signed."""
        return jws.sign(payload, key or self.signing_key, header=header)
