"""An issuer in memory: real keys, real signatures, no server."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from types import EllipsisType
from typing import Any, Self

from jotary.jose import Key, KeySet, jws, strict_json
from jotary.testing.provider_shapes import ProviderShape, Said
from jotary.tokens.access_token import TYP, access_token_claims
from jotary.tokens.id_token import TYP as ID_TOKEN_TYP
from jotary.tokens.id_token import id_token_claims
from jotary.verifier import TokenVerifier
from jotary.verifier.key_documents import read_keys

_LIFETIME = 300  # seconds
_CLIENT = "client-1"


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
        self._shape: ProviderShape | None = None

    @classmethod
    def for_provider(
        cls,
        provider: str,
        /,
        *,
        variant: str = "",
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- a composition root: a user's tests begin here
        **settings: Any,
    ) -> Self:
        """Make an issuer whose tokens look like those of a provider, and whose keys are published as it does.

        Args:
            provider: as in `TokenVerifier.for_provider`, such as "auth0".
            variant: another kind of its tokens: "rfc9068" of Auth0, "v1" of Entra, "id" of Cognito, "session_cookie" of
                Firebase.
            clock: Unix seconds.
            settings: those of the provider that the API under test has; what is left out is an example's.

        Raises:
            ValueError: there is no such provider or variant, or a setting cannot be.
            TypeError: a setting is none of the provider's.
        """
        shape = ProviderShape(provider, variant, settings)
        issuer = cls(algorithm="RS256", clock=clock)
        issuer._take(shape)
        return issuer

    def _take(self, shape: ProviderShape) -> None:
        self._shape, self.issuer, self.audience = shape, shape.issuer, shape.audience

    @property
    def settings(self) -> dict[str, Any]:
        """What an API must be told to trust it: the arguments of `TokenVerifier`, or of its `for_provider`."""
        if self._shape is None:
            return {"issuer": self.issuer, "audience": self.audience}
        return self._shape.settings_with([key.kid for key in self._published])

    @property
    def keys(self) -> KeySet:
        """The public keys that it publishes."""
        return KeySet(self._published)

    def jwks(self) -> dict[str, Any]:
        """The same as a JWK Set."""
        return self.keys.to_jwks()

    def keys_document(self) -> dict[str, Any]:
        """The keys as they are published where they are fetched: a JWK Set, but for Firebase."""
        if self._shape is None:
            return self.jwks()
        return self._shape.keys_document(self._published, int(self.clock()))

    def rotate(self) -> Key:
        """Sign with a new key from now on; the old one stays published until it is withdrawn."""
        self.signing_key = Key.generate(self.algorithm)
        self._published.append(self.signing_key)
        return self.signing_key

    def withdraw(self, key: Key) -> None:
        """Publish a key no more."""
        self._published.remove(key)

    def verifier(self, **options: Any) -> TokenVerifier:
        """Return a verifier of its tokens that needs no network.

        The options are those of `TokenVerifier.offline`, or of `TokenVerifier.for_provider`.
        """
        if self._shape is not None:
            keys = read_keys(self.keys_document(), self._shape.profile)
            return TokenVerifier.for_provider(
                self._shape.provider, **{**self.settings, "keys": keys, "clock": self.clock, **options}
            )
        expectations = {"issuer": self.issuer, "audience": self.audience, "keys": self.keys, "clock": self.clock}
        return TokenVerifier.offline(**{**expectations, **options})

    def token(
        self,
        sub: str = "person-1",
        *,
        scopes: Collection[str] = (),
        client_id: str | EllipsisType = ...,
        session_id: str | None = "session-1",
        lifetime: int = _LIFETIME,
        without: Collection[str] = (),
        key: Key | None = None,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Sign an access token (RFC 9068), or what the provider's clients send to APIs.

        Args:
            sub: the person.
            scopes: what it allows; ID tokens have none.
            client_id: the client that it was issued to; "client-1" by default, or for Cognito the one of the settings.
            session_id: `sid`; None for none, as in client credentials. Of the providers, Keycloak alone has it.
            lifetime: seconds; a negative one makes an expired token.
            without: names of claims to leave out.
            key: what signs instead of `signing_key`.
            header: members to add or replace; None as a value removes one.
            claims: claims to add or replace, of any type.
        """
        if self._shape is None:
            client = _CLIENT if client_id is ... else client_id
            said, shaped = self._access_token(sub, tuple(scopes), client, session_id, lifetime), {"typ": TYP}
        else:
            shaped = self._shape.header(key or self.signing_key)
            said = self._shape.claims(
                self._said(sub, tuple(scopes), None if client_id is ... else client_id, session_id), lifetime
            )
        said.update(claims)
        payload = strict_json.dumps({name: value for name, value in said.items() if name not in without})
        return self.sign(payload, key=key, header={**shaped, **(header or {})})

    def _access_token(
        self, sub: str, scopes: tuple[str, ...], client_id: str, session_id: str | None, lifetime: int
    ) -> dict[str, Any]:
        return access_token_claims(
            issuer=self.issuer,
            subject=sub,
            audience=[self.audience],
            client_id=client_id,
            scopes=scopes,
            session_id=session_id,
            jti=secrets.token_urlsafe(16),
            now=int(self.clock()),
            lifetime=lifetime,
        )

    def _said(self, sub: str, scopes: tuple[str, ...], client_id: str | None, session_id: str | None) -> Said:
        return Said(
            issuer=self.issuer,
            audience=self.audience,
            sub=sub,
            scopes=scopes,
            client_id=client_id,
            session_id=session_id,
            now=int(self.clock()),
            jti=secrets.token_urlsafe(16),
        )

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
