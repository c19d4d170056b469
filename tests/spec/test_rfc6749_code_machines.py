"""A code is redeemed once, by its owner, in time; whatever else happens (RFC 6749 §4.1.2, §10.5).

One Hypothesis state machine, over the pure decision and over the real database.
"""

from typing import TYPE_CHECKING, Protocol

import hypothesis.strategies as st
import msgspec
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from jotary.oauth import pkce
from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret
from jotary.server.flows.grants.authorization_code import Facts, Redeem, Request, Revoke, decide
from jotary.server.model.changes import EndSignIn
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.settings import Settings

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

SETTINGS = Settings(secret=Secret("x" * 32))
VERIFIER, WRONG_VERIFIER = "v" * 43, "w" * 43
CALLBACK = "https://web.example.com/callback"


class World(Protocol):
    """One code, its client and a stranger among the clients, and a clock."""

    now: int

    def redeem(self, *, code_verifier: bool, redirect_uri: bool, client: bool) -> bool:
        """Present the code with what is right or wrong; whether it gave tokens."""

    def sign_out(self) -> None:
        """The person signs out of the browser from which the code came."""

    def session(self) -> Session | None:
        """The session that the code opened."""


def client(client_id: str) -> Client:
    """A client that may redeem codes."""
    return Client(
        id=client_id,
        name=client_id,
        type="native",
        token_endpoint_auth_method="none",
        grant_types=("authorization_code", "refresh_token"),
        scopes=("todo:read",),
        created_at=0,
    )


class PureWorld:
    """The decision alone; what it returns is applied to records."""

    def __init__(self) -> None:
        self.now = 1_800_000_000
        self.opened: Session | None = None
        self.user = User(id="u", email="u@example.com", created_at=0)
        self.sign_in = SignIn(
            id="i", user_id="u", authenticated_at=0, methods=(), last_seen_at=0, expires_at=self.now + 9999
        )
        self.code = AuthorizationCode(
            id="c",
            client_id="mine",
            user_id="u",
            sign_in_id="i",
            session_id="s",
            redirect_uri=CALLBACK,
            code_challenge=pkce.challenge(VERIFIER),
            scopes=("todo:read",),
            resources=(),
            nonce=None,
            authenticated_at=0,
            expires_at=self.now + SETTINGS.code_lifetime,
        )

    def redeem(self, *, code_verifier: bool, redirect_uri: bool, client: bool) -> bool:
        """Decide and apply."""
        request = Request(
            client=CLIENTS[client],
            code_id="c",
            redirect_uri=CALLBACK if redirect_uri else "https://evil.example.com",
            code_verifier=Secret(VERIFIER if code_verifier else WRONG_VERIFIER),
        )
        facts = Facts(code=self.code, sign_in=self.sign_in, user=self.user)
        decision = decide(request, facts, self.now, SETTINGS)
        if isinstance(decision, Redeem):
            self.code = msgspec.structs.replace(self.code, redeemed_at=self.now)
            self.opened = decision.session
        if isinstance(decision, Revoke):
            assert self.opened is not None
            assert decision.session_id == self.opened.id
            self.opened = msgspec.structs.replace(self.opened, ended_at=self.now)
        return isinstance(decision, Redeem)

    def sign_out(self) -> None:
        """End the sign-in."""
        self.sign_in = msgspec.structs.replace(self.sign_in, ended_at=self.now)

    def session(self) -> Session | None:
        """The record."""
        return self.opened


CLIENTS = {True: client("mine"), False: client("theirs")}


class StoredWorld:
    """The whole flow over the real database."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk
        self.clients = {is_mine: desk.add_public_client(desk.new_id()) for is_mine in (True, False)}
        self.issued = desk.issue_code(self.clients[True], desk.add_user())

    @property
    def now(self) -> int:
        """The server's clock."""
        return self.desk.now

    @now.setter
    def now(self, now: int) -> None:
        self.desk.now = now

    def redeem(self, *, code_verifier: bool, redirect_uri: bool, client: bool) -> bool:
        """Ask the token endpoint."""
        wrong = {}
        if not code_verifier:
            wrong["code_verifier"] = WRONG_VERIFIER
        if not redirect_uri:
            wrong["redirect_uri"] = "https://evil.example.com"
        try:
            return bool(self.desk.redeem(self.clients[client], self.issued, **wrong).access_token)
        except OAuthError as refusal:
            error = refusal
        assert (error.error, error.status) == ("invalid_grant", 400)
        return False

    def sign_out(self) -> None:
        """End the sign-in."""
        self.desk.write(EndSignIn(self.issued.sign_in_id, self.now))

    def session(self) -> Session | None:
        """The row."""
        return self.desk.run(self.desk.store.session(self.issued.session_id))


class Redemption(RuleBasedStateMachine):
    """Owner, thieves and strangers present the code while time passes and the person may leave."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.expires_at = world.now + SETTINGS.code_lifetime
        self.is_signed_out = False
        self.successes = 0
        self.repetitions = 0

    @rule(code_verifier=st.booleans(), redirect_uri=st.booleans(), client=st.booleans())
    def redeem(self, code_verifier: bool, redirect_uri: bool, client: bool) -> None:
        """With anything right or wrong."""
        is_owner = code_verifier and redirect_uri and client
        is_good = not self.successes and self.world.now < self.expires_at and not self.is_signed_out
        succeeded = self.world.redeem(code_verifier=code_verifier, redirect_uri=redirect_uri, client=client)
        assert succeeded == (is_owner and is_good)
        if is_owner and self.successes:
            self.repetitions += 1
        self.successes += succeeded

    @rule()
    def redeem_as_its_owner(self) -> None:
        """With everything right, which chance would seldom do."""
        self.redeem(code_verifier=True, redirect_uri=True, client=True)

    @rule(seconds=st.sampled_from([1, SETTINGS.code_lifetime - 1, SETTINGS.code_lifetime]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.world.now += seconds

    @rule()
    def sign_out(self) -> None:
        """The person leaves the browser."""
        self.world.sign_out()
        self.is_signed_out = True

    @invariant()
    def there_is_at_most_one_winner_and_a_repetition_ends_it(self) -> None:
        """RFC 6749 §4.1.2; nothing but a repetition by the owner does."""
        session = self.world.session()
        assert self.successes in {0, 1}
        assert (session is not None) == (self.successes == 1)
        if session is not None:
            assert (session.ended_at is not None) == (self.repetitions > 0)


def test_the_decision_keeps_to_the_rules() -> None:
    """Random interleavings over the pure decision."""
    run_state_machine_as_test(
        lambda: Redemption(PureWorld()),  # type: ignore[arg-type] # it takes any factory
        settings=settings(max_examples=300, stateful_step_count=20, deadline=None),
    )


def test_the_whole_flow_keeps_to_the_rules(desk: "Desk") -> None:
    """The same machine through endpoint and database."""
    run_state_machine_as_test(
        lambda: Redemption(StoredWorld(desk)),  # type: ignore[arg-type] # it takes any factory
        settings=settings(max_examples=30, stateful_step_count=15, deadline=None),
    )
