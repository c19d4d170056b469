"""What the tokens of each provider look like, and where it keeps its keys (docs/providers.md says what this rests on).

A shape is data and one function: the settings of an example, the header, and the claims that a token has then.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from jotary.jose import Key
from jotary.verifier import providers

_API: Final = "https://api.example"
_TENANT: Final = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
_ANY_TENANT: Final = "{tenantid}"
_WEEKS: Final = dt.timedelta(days=16)  # as long as Google's certificates live


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is to say, whichever claims its provider says it in.

    Attributes:
        issuer: as the provider writes it.
        audience: of the API; for Cognito, Firebase and Google the client or the project.
        sub: the person.
        scopes: what the client may do, in the order given; only some providers' tokens have them.
        client_id: whose token it is; None where the test does not say.
        session_id: of Keycloak's tokens.
        now: Unix seconds.
        jti: an id of its own.
    """

    issuer: str
    audience: str
    sub: str
    scopes: tuple[str, ...]
    client_id: str | None
    session_id: str | None
    now: int
    jti: str

    @property
    def client(self) -> str:
        """The client, or an example's."""
        return self.client_id or "client-1"

    @property
    def scope(self) -> str:
        """The scopes as one string."""
        return " ".join(self.scopes)


Claims = dict[str, Any]


class _Row(msgspec.Struct, frozen=True):
    settings: Mapping[str, Any]
    header: Mapping[str, Any]
    claims: Callable[[Said], Claims]


def _auth0(said: Said) -> Claims:
    audience = [said.audience, f"{said.issuer}userinfo"]
    return {"aud": audience, "azp": said.client, "scope": said.scope, "permissions": []}


def _auth0_rfc9068(said: Said) -> Claims:
    own = {name: value for name, value in _auth0(said).items() if name != "azp"}
    return {**own, "client_id": said.client, "jti": said.jti}


def _okta(said: Said) -> Claims:
    return {
        "ver": 1,
        "jti": f"AT.{said.jti}",
        "aud": said.audience,
        "cid": said.client,
        "uid": "00u1",
        "scp": list(said.scopes),
    }


def _keycloak(said: Said) -> Claims:
    return {
        "aud": [said.audience, "account"],
        "typ": "Bearer",
        "azp": said.client,
        "jti": said.jti,
        **({} if said.session_id is None else {"sid": said.session_id}),
        "scope": said.scope,
        "realm_access": {"roles": []},
        "resource_access": {"account": {"roles": ["manage-account"]}},
    }


def _fusionauth(said: Said) -> Claims:
    return {
        "aud": said.audience,
        "applicationId": said.audience,
        "jti": said.jti,
        "roles": [],
        "scope": said.scope,
        "tid": _TENANT,
    }


def _entra(said: Said) -> Claims:
    tenant = said.issuer.removeprefix("https://login.microsoftonline.com/").removesuffix("/v2.0")
    return {
        "aud": said.audience,
        "azp": said.client,
        "nbf": said.now,
        "scp": said.scope,
        "roles": [],
        "tid": tenant,
        "uti": said.jti,
        "ver": "2.0",
    }


def _entra_v1(said: Said) -> Claims:
    own = {name: value for name, value in _entra(said).items() if name != "azp"}
    tenant = said.issuer.removeprefix("https://sts.windows.net/").rstrip("/")
    return {**own, "appid": said.client, "tid": tenant, "ver": "1.0"}


def _cognito(said: Said) -> Claims:
    return {
        "cognito:groups": [],
        "client_id": said.client_id or said.audience,  # these tokens have no `aud`, and the client stands for it
        "token_use": "access",
        "scope": said.scope,
        "jti": said.jti,
    }


def _cognito_id(said: Said) -> Claims:
    return {
        "cognito:groups": [],
        "aud": said.audience,
        "token_use": "id",
        "auth_time": said.now,
        "at_hash": "at-hash",
        "jti": said.jti,
    }


def _google(said: Said) -> Claims:
    return {"aud": said.audience, "azp": said.client, "at_hash": "at-hash", "nonce": "nonce"}


def _firebase(said: Said) -> Claims:
    return {
        "aud": said.audience,
        "auth_time": said.now,
        "user_id": said.sub,
        "firebase": {"identities": {}, "sign_in_provider": "password"},
    }


_JWT: Final = {"typ": "JWT"}
_ENTRA: Final = {"tenant": _TENANT, "audience": _API}
_AUTH0: Final = {"domain": "tenant.eu.auth0.com", "audience": _API}
_COGNITO: Final = {"user_pool_id": "eu-central-1_AbCdEfGhI", "client_id": "1example23456789"}
_FIREBASE: Final = {"project_id": "todo-1234"}

#: By provider and variant; the settings are those of an example, which a test may replace.
_SHAPES: Final = {
    ("auth0", ""): _Row(_AUTH0, _JWT, _auth0),
    ("auth0", "rfc9068"): _Row(_AUTH0, {"typ": "at+jwt"}, _auth0_rfc9068),
    ("okta", ""): _Row({"domain": "example.okta.com", "audience": "api://default"}, {}, _okta),
    ("keycloak", ""): _Row({"base_url": "https://sso.example", "realm": "todo", "audience": _API}, _JWT, _keycloak),
    ("fusionauth", ""): _Row(
        {"url": "https://auth.example", "issuer": "acme.com", "audience": "3c219e58-ed0e-4b18-ad48-f4f92793ae32"},
        {**_JWT, "gty": ["authorization_code"]},
        _fusionauth,
    ),
    ("entra", ""): _Row(_ENTRA, _JWT, _entra),
    ("entra", "v1"): _Row({**_ENTRA, "version": "1.0"}, _JWT, _entra_v1),
    ("cognito", ""): _Row(_COGNITO, {}, _cognito),
    ("cognito", "id"): _Row({**_COGNITO, "kind": "id"}, {}, _cognito_id),
    ("google", ""): _Row({"client_id": "server.apps.googleusercontent.com"}, _JWT, _google),
    ("firebase", ""): _Row(_FIREBASE, _JWT, _firebase),
    ("firebase", "session_cookie"): _Row({**_FIREBASE, "kind": "session_cookie"}, _JWT, _firebase),
}

#: Every provider that has a shape of its own, with each variant of its tokens.
SHAPES: Final = tuple(_SHAPES)


class ProviderShape:
    """The shape of one provider's tokens for one set of its settings.

    Args:
        provider: as in `TokenVerifier.for_provider`.
        variant: another kind of its tokens; "" for the usual one.
        settings: the provider's own, in place of the example's.

    Raises:
        ValueError: there is no such provider or variant, or a setting cannot be.
        TypeError: a setting is none of the provider's.

    Attributes:
        provider: its name.
        settings: all of them, but for keys.
        issuer: as its tokens say it.
        audience: what its tokens are meant for.
        profile: how they are verified.
        keys_path: where it keeps its keys, on whatever host.
    """

    def __init__(self, provider: str, variant: str, settings: Mapping[str, Any]) -> None:
        row = _SHAPES.get((provider, variant))
        if row is None:
            known = ", ".join(" ".join(part for part in shape if part) for shape in SHAPES)
            raise ValueError(f"there is no such shape; there are {known}")
        self._row = row
        self.provider = provider
        self.settings: dict[str, Any] = {**row.settings, **settings}
        decided = providers.options(provider, self.settings_with(["any"]))
        audience = decided["audience"]
        self.issuer: str = decided["issuer"].replace(_ANY_TENANT, _TENANT)
        self.audience: str = audience if isinstance(audience, str) else next(iter(audience))
        # Which keys count is the verifier's business: here all of them are published.
        self.profile = msgspec.structs.replace(decided["profile"], key_ids=None)
        self.keys_path = urlsplit(decided["jwks_uri"]).path

    def settings_with(self, kids: list[str | None]) -> dict[str, Any]:
        """The settings, with the names of keys for a provider where they must be listed."""
        return {**({"kids": kids} if self.provider == "fusionauth" else {}), **self.settings}

    def header(self, key: Key) -> dict[str, Any]:
        """The header's members beside `alg` and `kid`."""
        is_named_twice = self.provider == "entra" and self.settings.get("version") == "1.0"
        return {**self._row.header, **({"x5t": key.kid} if is_named_twice else {})}

    def claims(self, said: Said, lifetime: int) -> Claims:
        """The claims; `lifetime` in seconds."""
        times = {"iat": said.now, "exp": said.now + lifetime}
        return {"iss": said.issuer, "sub": said.sub, **times, **self._row.claims(said)}

    def keys_document(self, keys: list[Key], now: int) -> dict[str, Any]:
        """The keys as the provider publishes them: a JWK Set, or certificates by key id."""
        if self.profile.key_format == "certificates":
            return {str(key.kid): _certificate(key, now) for key in keys}
        entries = [key.public().to_jwk() for key in keys]
        if self.provider == "entra" and self.settings.get("version") != "1.0":
            own = f"https://login.microsoftonline.com/{_ANY_TENANT}/v2.0"
            entries = [{**entry, "issuer": own} for entry in entries]
        return {"keys": entries}


def _certificate(key: Key, now: int) -> str:
    """A certificate of the key, signed with it, in PEM."""
    private = serialization.load_pem_private_key(key.to_pem(private=True).encode(), None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("certificates are made of RSA keys")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "securetoken.system.gserviceaccount.com")])
    start = dt.datetime.fromtimestamp(now, dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + _WEEKS)
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
