"""What the web layer is made of: the composition root fills this record (design §2)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol
from urllib.parse import urlsplit

from jotary.server.flows.accounts.change_password import ChangePassword
from jotary.server.flows.accounts.sign_up import SignUp
from jotary.server.flows.authorize import Authorize
from jotary.server.flows.factor import Factor
from jotary.server.flows.home import Home
from jotary.server.flows.introspection import IntrospectionEndpoint
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.flows.login import Login
from jotary.server.flows.logout import Logout
from jotary.server.flows.metadata import Documents
from jotary.server.flows.revocation import RevocationEndpoint
from jotary.server.flows.revocation_feed import RevocationFeed
from jotary.server.flows.token import TokenFlow
from jotary.server.flows.userinfo import UserinfoEndpoint
from jotary.server.ports import (
    Clients,
    Clock,
    Commit,
    Consents,
    Entropy,
    PasswordHasher,
    Sessions,
    Signer,
    SignIns,
    Users,
)
from jotary.server.settings import Settings


class WebStore(Clients, Commit, Consents, Sessions, SignIns, Users, Protocol):
    """What the pages read and write."""


async def always_ready() -> None:
    """For a server that has nothing to wait for."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that the routes need.

    Args:
        settings: what the operator has decided.
        store: every port that the pages read and write.
        factor: how people prove who they are.
        hasher: hashes new passwords.
        signer: whose public keys tell our own ID tokens.
        clock: Unix seconds.
        entropy: bytes that nobody can guess.
        limiter: counts what is tried.
        csrf_key: 32 bytes, derived from the server's secret for `csrf`.
        accepted_csrf_keys: the same of the secrets that are accepted beside it.
        token: the token endpoint's flow.
        revocation: the revocation endpoint's flow.
        introspection: the introspection endpoint's flow.
        userinfo: the userinfo endpoint's flow.
        documents: discovery and keys as bytes.
        feed: the cut-offs that APIs follow.
        ready: returns if requests can be served, raises `Unavailable` if not.
        scope_descriptions: what a scope lets a client do, in words for the consent page.
    """

    settings: Settings
    store: WebStore
    factor: Factor
    hasher: PasswordHasher
    signer: Signer
    clock: Clock
    entropy: Entropy
    limiter: Limiter
    csrf_key: bytes
    token: TokenFlow
    revocation: RevocationEndpoint
    introspection: IntrospectionEndpoint
    userinfo: UserinfoEndpoint
    documents: Documents
    feed: RevocationFeed
    ready: Callable[[], Awaitable[None]] = always_ready
    scope_descriptions: Mapping[str, str] = field(default_factory=dict)
    accepted_csrf_keys: tuple[bytes, ...] = ()

    @cached_property
    def origin(self) -> str:
        """The issuer's origin, as browsers send it."""
        parts = urlsplit(self.settings.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def path(self) -> str:
        """The issuer's path without a slash at its end: "" at the root of a host, "/id" below it."""
        return urlsplit(self.settings.issuer).path.rstrip("/")

    @cached_property
    def is_https(self) -> bool:
        """Whether the issuer is https."""
        return self.origin.startswith("https:")

    @cached_property
    def authorize(self) -> Authorize:
        """The flow of `/authorize`."""
        return Authorize(self.store, self.signer, self.entropy, self.settings)

    @cached_property
    def login(self) -> Login:
        """The flow of signing in."""
        return Login(self.store, self.factor, self.limiter, self.entropy, self.settings)

    @cached_property
    def sign_up(self) -> SignUp:
        """The flow of signing up."""
        return SignUp(self.store, self.hasher, self.limiter, self.entropy, self.settings)

    @cached_property
    def change_password(self) -> ChangePassword:
        """The flow of changing one's password."""
        return ChangePassword(self.store, self.factor, self.hasher, self.limiter, self.entropy, self.settings)

    @cached_property
    def logout(self) -> Logout:
        """The flow of signing out."""
        return Logout(self.store, self.signer, self.settings)

    @cached_property
    def home(self) -> Home:
        """The flow of the home page."""
        return Home(self.store, self.settings)
