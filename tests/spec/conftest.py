"""An authorization server without HTTP, over a real database, for the tests that hold flows against a standard."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote_plus

import msgspec
import pytest

from jotary.jose import VerifiedToken, base64url, jwt
from jotary.oauth import pkce
from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.server.flows.client_authentication import ClientAuthentication
from jotary.server.flows.grant import GrantContext
from jotary.server.flows.introspection import IntrospectionEndpoint
from jotary.server.flows.issue import Issuance, TokenResponse
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.flows.revocation import RevocationEndpoint
from jotary.server.flows.token import TokenEndpoint
from jotary.server.flows.userinfo import UserinfoEndpoint
from jotary.server.keyring import Keyring, Rotation, Rules, Sealer, derive_key
from jotary.server.model.changes import AddClient, AddCode, AddSignIn, AddUser, Change, ReplaceClient
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.event import Event
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.model.refresh_token import RefreshTokens
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store

START = 1_800_000_000
CALLBACK = "https://web.example.com/callback"
TODO = "https://todo.example.com"
CALENDAR = "https://calendar.example.com"
ISSUER = "https://id.example.com"
SECRET = "jcs_" + "s" * 43

Answer = TypeVar("Answer")


class IssuedCode(NamedTuple):
    """What a client holds after the front channel."""

    code: str
    code_verifier: str
    session_id: str
    sign_in_id: str


class Desk:
    """The server's endpoints as functions, with a clock that moves only when told."""

    def __init__(self, runner: asyncio.Runner, store: Store) -> None:
        self.runner = runner
        self.store = store
        self.now = START
        self.settings = Settings(issuer=ISSUER, secret=Secret("the server's secret of the tests, long enough"))
        self.refresh_tokens = RefreshTokens(derive_key(self.settings.secret, "refresh-token"))
        self.keyring = self.new_keyring()
        self.run(self.keyring.refresh())
        self.limiter = Limiter(store, derive_key(self.settings.secret, "limits"), self.settings)
        self.authentication = ClientAuthentication(store, self.limiter, self.settings)
        self.use_keyring()

    def use_keyring(self) -> None:
        """Build the endpoints over the keyring."""
        store = self.store
        issuance = Issuance(self.keyring, entropy, self.settings)
        self.context = GrantContext(store, issuance, self.refresh_tokens, self.settings)
        self.token = TokenEndpoint(self.authentication, self.context)
        checks = (self.keyring, self.refresh_tokens, self.settings)
        self.revocation = RevocationEndpoint(self.authentication, store, *checks)
        self.introspection = IntrospectionEndpoint(self.authentication, store, *checks)
        self.userinfo = UserinfoEndpoint(store, self.keyring, self.settings)

    def use_refresh_tokens(self, refresh_tokens: RefreshTokens) -> None:
        """Build the endpoints anew, as a server whose secret was replaced."""
        self.refresh_tokens = refresh_tokens
        self.use_keyring()

    def new_rotation(self, algorithm: str = "ES256") -> Rotation:
        """The rotation of a process of its own."""
        sealer = Sealer(derive_key(self.settings.secret, "seal"))
        rules = Rules.of(algorithm=algorithm, jwks_max_age=300, token_lifetime=300, leeway=5)
        return Rotation(store=self.store, sealer=sealer, rules=rules, entropy=entropy)

    def new_keyring(self, algorithm: str = "ES256") -> Keyring:
        """The keyring of a process of its own, which has not read any keys yet."""
        sealer = Sealer(derive_key(self.settings.secret, "seal"))
        return Keyring(rotation=self.new_rotation(algorithm), sealer=sealer, clock=lambda: self.now)

    def run(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        """Run one call to its end."""
        return self.runner.run(coroutine)

    def write(self, *changes: Change) -> None:
        """Commit changes."""
        self.run(self.store.commit(*changes))

    def add_user(self, **changed: Any) -> User:
        """A person."""
        user = User(id=self.new_id(), email=f"{secrets.token_hex(4)}@example.com", name="Ada", created_at=self.now)
        user = msgspec.structs.replace(user, **changed)
        self.write(AddUser(user))
        return user

    def add_client(self, client_id: str = "web", **changed: Any) -> Client:
        """A client that may do everything, for the ToDo and calendar APIs; confidential unless it is changed."""
        client = Client(
            id=client_id,
            name=client_id,
            type="web",
            token_endpoint_auth_method="client_secret_basic",
            secret_sha256=Secret(SECRET).sha256(),
            redirect_uris=(CALLBACK,),
            grant_types=("authorization_code", "refresh_token", "client_credentials"),
            scopes=("openid", "profile", "email", "offline_access", "todo:read", "todo:write"),
            audiences=(TODO, CALENDAR),
            created_at=self.now,
        )
        client = msgspec.structs.replace(client, **changed)
        self.write(AddClient(client))
        return client

    def add_public_client(self, client_id: str = "native", **changed: Any) -> Client:
        """A client without a secret."""
        public: dict[str, Any] = {"type": "native", "token_endpoint_auth_method": "none", "secret_sha256": None}
        return self.add_client(client_id, **{**public, **changed})

    def change_client(self, client: Client, **changed: Any) -> None:
        """What an operator changes in a registration."""
        before = self.run(self.store.client(client.id))
        assert before is not None
        self.write(ReplaceClient(msgspec.structs.replace(client, **changed), before))

    def issue_code(self, client: Client, user: User, **changed: Any) -> IssuedCode:
        """What `/authorize` writes when the person has signed in and allowed everything."""
        code, verifier = f"jac_{secrets.token_urlsafe(32)}", pkce.new_verifier(secrets.token_bytes(32))
        sign_in = SignIn(
            id=secrets.token_urlsafe(32),
            user_id=user.id,
            authenticated_at=self.now,
            methods=("pwd",),
            last_seen_at=self.now,
            expires_at=self.now + 86_400,
        )
        record = AuthorizationCode(
            id=base64url.encode(Secret(code).sha256()),
            client_id=client.id,
            user_id=user.id,
            sign_in_id=sign_in.id,
            session_id=self.new_id(),
            redirect_uri=CALLBACK,
            code_challenge=pkce.challenge(verifier),
            scopes=client.scopes,
            resources=client.audiences[:1],
            nonce=None,
            authenticated_at=sign_in.authenticated_at,
            methods=sign_in.methods,
            expires_at=self.now + self.settings.code_lifetime,
        )
        record = msgspec.structs.replace(record, **changed)
        self.write(AddSignIn(sign_in), AddCode(record))
        return IssuedCode(code, verifier, record.session_id, sign_in.id)

    def redeem(self, client: Client, issued: IssuedCode, **form: Any) -> TokenResponse:
        """Redeem a code as its client does."""
        return self.ask(client, **{**code_form(issued), **form})

    def redemption(self, client: Client, issued: IssuedCode) -> tuple[Parameters, str | None]:
        """The request that redeems a code."""
        return present(client, code_form(issued))

    def sign_in(self, client: Client, user: User | None = None, **changed: Any) -> TokenResponse:
        """The tokens of a fresh session."""
        return self.redeem(client, self.issue_code(client, user or self.add_user(), **changed))

    def refreshing(self, client: Client, refresh_token: str | None) -> tuple[Parameters, str | None]:
        """The request that refreshes."""
        return present(client, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    def refresh(self, client: Client, refresh_token: str | None, **form: Any) -> TokenResponse:
        """Refresh as a client does."""
        return self.ask(client, grant_type="refresh_token", refresh_token=refresh_token, **form)

    def ask(self, client: Client, **form: Any) -> TokenResponse:
        """A token request of an authenticated client."""
        return self.run(self.token(*present(client, form), now=self.now))

    def revoke(self, client: Client, token: str | None, **form: Any) -> None:
        """A revocation request of an authenticated client."""
        self.run(self.revocation(*present(client, {"token": token, **form}), now=self.now))

    def introspect(self, client: Client, token: str | None, **form: Any) -> dict[str, Any]:
        """An introspection request of an authenticated client."""
        return self.run(self.introspection(*present(client, {"token": token, **form}), now=self.now))

    def who(self, access_token: str) -> dict[str, Any]:
        """A userinfo request."""
        return self.run(self.userinfo(f"Bearer {access_token}", now=self.now))

    def claims(self, token: str | None, typ: str = "at+jwt") -> dict[str, Any]:
        """The verified claims of a token."""
        return self.verified(token, typ).claims

    def verified(self, token: str | None, typ: str = "at+jwt") -> VerifiedToken:
        """A token whose signature holds."""
        assert token is not None
        return jwt.verify(token, self.keyring.public_keys(), algorithms={"ES256", "EdDSA"}, typ=typ)

    def refused(self, call: Callable[..., object], *arguments: Any, **named: Any) -> OAuthError:
        """The error that a call raises."""
        with pytest.raises(OAuthError) as caught:
            call(*arguments, **named)
        return caught.value

    def basic(self, client_id: str, secret: str = SECRET) -> str:
        """An Authorization header (RFC 6749 §2.3.1)."""
        return basic(client_id, secret)

    def session(self, session_id: str) -> Session:
        """A session's row."""
        session = self.run(self.store.session(session_id))
        assert session is not None
        return session

    def events(self) -> list[Event]:
        """The audit trail."""
        return list(self.run(self.store.events(limit=10_000)))

    def kinds(self) -> list[str]:
        """The audit trail by kind, without the making of the signing key."""
        return [event.kind for event in self.events() if event.kind != "key.announced"]

    def new_id(self) -> str:
        """A fresh identifier."""
        return new_identifier(self.now, secrets.token_bytes(IDENTIFIER_ENTROPY))


def entropy(size: int) -> bytes:
    """The `Entropy` port."""
    return secrets.token_bytes(size)


def code_form(issued: IssuedCode) -> dict[str, Any]:
    """The form that redeems a code."""
    return {
        "grant_type": "authorization_code",
        "code": issued.code,
        "code_verifier": issued.code_verifier,
        "redirect_uri": CALLBACK,
    }


def present(client: Client, form: dict[str, Any]) -> tuple[Parameters, str | None]:
    """A form and the Authorization header by which its client authenticates; lists are repeated parameters."""
    pairs = [(name, one) for name, value in form.items() for one in (value if isinstance(value, list) else [value])]
    pairs = [(name, value) for name, value in pairs if value is not None]
    method = client.token_endpoint_auth_method
    if method == "client_secret_basic":
        return Parameters(pairs), basic(client.id, SECRET)
    extra = [("client_id", client.id)]
    if method == "client_secret_post":
        extra.append(("client_secret", SECRET))
    return Parameters([*pairs, *extra]), None


def basic(client_id: str, secret: str) -> str:
    """An Authorization header (RFC 6749 §2.3.1)."""
    return "Basic " + b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A server over a fresh SQLite file."""
    with asyncio.Runner() as runner:
        store = runner.run(open_store(f"sqlite:///{tmp_path}/jotary.db"))
        yield Desk(runner, store)
        runner.run(store.close())
