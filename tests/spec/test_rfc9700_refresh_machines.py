"""Refresh token rotation that survives lost answers and notices theft (RFC 9700 §4.14.2, design §6.1).

Two Hypothesis state machines, each over the pure decision and over the real database: in one, honest clients, thieves
and strangers present every token that ever was; in the other an honest client loses answers and opens tabs. In both,
the operator replaces the server's secret at any time, and tokens come under the previous one as well.
"""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret
from jotary.server.flows.grant import Refuse
from jotary.server.flows.grants.refresh_token import Facts, Replay, Request, Revoke, Rotate, decide
from jotary.server.keyring import derive_key
from jotary.server.model.client import Client
from jotary.server.model.refresh_token import RefreshToken, RefreshTokens
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.settings import Settings

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

SETTINGS = Settings(secret=Secret("x" * 32))
WINDOW = SETTINGS.refresh_retry_window
SCOPES = ("openid", "todo:read")


class Answer(msgspec.Struct, frozen=True):
    """What a client got: a token's generation and a scope, or an error."""

    generation: int | None = None
    scopes: tuple[str, ...] = ()
    error: str | None = None


class World(Protocol):
    """A session, two clients and a clock."""

    now: int

    def present(
        self, generation: int, *, scopes: tuple[str, ...] = (), stranger: bool = False, is_previous: bool = False
    ) -> Answer:
        """Send the session's token of this generation, perhaps as it was under the previous secret."""

    def replace_secret(self) -> None:
        """Start the server with a new secret that accepts the one before."""

    def row(self) -> Session:
        """The session as it is stored."""


def client(client_id: str) -> Client:
    """A client that may do more than the person has allowed it."""
    return Client(
        id=client_id,
        name=client_id,
        type="native",
        token_endpoint_auth_method="none",
        grant_types=("refresh_token",),
        scopes=(*SCOPES, "todo:write"),
        audiences=("https://todo.example.com",),
        created_at=0,
    )


class PureWorld:
    """The decision alone; what it returns is applied to a record."""

    def __init__(self) -> None:
        self.now = 1_800_000_000
        self.user = User(id="u", email="u@example.com", created_at=0)
        self.session = Session(
            id="s",
            user_id="u",
            client_id="mine",
            sign_in_id=None,
            scopes=SCOPES,
            resources=("https://todo.example.com",),
            authenticated_at=self.now,
            created_at=self.now,
            rotated_at=self.now,
            idle_expires_at=self.now + SETTINGS.session_idle_lifetime,
            expires_at=self.now + SETTINGS.session_lifetime,
        )

    def replace_secret(self) -> None:
        """No rule of the decision knows of secrets."""

    def present(
        self,
        generation: int,
        *,
        scopes: tuple[str, ...] = (),
        stranger: bool = False,
        is_previous: bool = False,  # noqa: ARG002 -- no rule of the decision knows of secrets
    ) -> Answer:
        """Decide and apply."""
        asker = client("theirs" if stranger else "mine")
        request = Request(token=RefreshToken("s", generation), client=asker, scopes=scopes)
        decision = decide(request, Facts(session=self.session, user=self.user), self.now, SETTINGS)
        if isinstance(decision, Refuse):
            return Answer(error=decision.error.error)
        if isinstance(decision, Revoke):
            self.session = msgspec.structs.replace(self.session, ended_at=self.now, end_reason="reuse_detected")
            return Answer(error="invalid_grant")
        if isinstance(decision, Rotate):
            self._rotate(decision)
        assert isinstance(decision, Rotate | Replay)
        return Answer(decision.generation, decision.grantee.scopes)

    def _rotate(self, decision: Rotate) -> None:
        change = decision.change
        assert (change.session_id, change.generation) == (self.session.id, self.session.generation)
        self.session = msgspec.structs.replace(
            self.session,
            generation=change.generation + 1,
            rotated_at=change.at,
            idle_expires_at=change.idle_expires_at,
        )

    def row(self) -> Session:
        """The record."""
        return self.session


class StoredWorld:
    """The whole flow over the real database, with a session of its own."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk
        self.mine, self.theirs = (desk.add_public_client(desk.new_id()) for _ in range(2))
        tokens = desk.sign_in(self.mine, scopes=SCOPES)
        self.session_id = desk.claims(tokens.access_token)["sid"]
        self.previous_key = self.key = derive_key(desk.settings.secret, "refresh-token")
        desk.use_refresh_tokens(RefreshTokens(self.key))

    def replace_secret(self) -> None:
        """As the procedure says: new tokens under the new one, and the one before is accepted."""
        self.previous_key, self.key = self.key, secrets.token_bytes(32)
        self.desk.use_refresh_tokens(RefreshTokens(self.key, self.previous_key))

    @property
    def now(self) -> int:
        """The server's clock."""
        return self.desk.now

    @now.setter
    def now(self, now: int) -> None:
        self.desk.now = now

    def present(
        self, generation: int, *, scopes: tuple[str, ...] = (), stranger: bool = False, is_previous: bool = False
    ) -> Answer:
        """Ask the token endpoint."""
        key = self.previous_key if is_previous else self.key
        token = RefreshTokens(key).mint(self.session_id, generation)
        try:
            response = self.desk.refresh(self.theirs if stranger else self.mine, token, scope=" ".join(scopes) or None)
        except OAuthError as error:
            return Answer(error=error.error)
        answered = RefreshTokens(self.key).parse(response.refresh_token or "")  # always under the present secret
        assert answered is not None
        assert answered.session_id == self.session_id == self.desk.claims(response.access_token)["sid"]
        return Answer(answered.generation, tuple(response.scope.split()))

    def row(self) -> Session:
        """The session's row."""
        return self.desk.session(self.session_id)


class Theft(RuleBasedStateMachine):
    """Everybody presents any token at any time; the session follows design §6.1 and nothing else."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.head = 0
        self.rotated_at = world.now
        self.is_dead = False

    @rule()
    def replace_the_secret(self) -> None:
        """Nobody is signed out, and no thief goes unnoticed."""
        self.world.replace_secret()

    @rule(back=st.integers(0, 4), is_previous=st.booleans(), data=st.data())
    def present(self, back: int, is_previous: bool, data: st.DataObject) -> None:
        """Send the token that is `back` generations old, with any scope."""
        scopes = data.draw(st.sampled_from([(), ("todo:read",), SCOPES, ("todo:write",), ("todo:read", "admin")]))
        generation = max(0, self.head - back)
        answer = self.world.present(generation, scopes=scopes, is_previous=is_previous)
        assert answer == self._expected(generation, scopes)

    def _expected(self, generation: int, scopes: tuple[str, ...]) -> Answer:
        behind = self.head - generation
        if self.is_dead or not self._lives_by_its_times():
            return Answer(error="invalid_grant")
        if behind > 1 or (behind == 1 and self.world.now > self.rotated_at + WINDOW):
            self.is_dead = True
            return Answer(error="invalid_grant")
        if not set(scopes) <= set(SCOPES):
            return Answer(error="invalid_scope")
        if behind == 0:
            self.head, self.rotated_at = self.head + 1, self.world.now
        return Answer(self.head, scopes or SCOPES)

    def _lives_by_its_times(self) -> bool:
        row = self.world.row()
        return self.world.now < min(row.idle_expires_at, row.expires_at)

    @rule(back=st.integers(-1, 4))
    def present_as_another_client(self, back: int) -> None:
        """Whatever it holds, it gets nothing and ends nothing."""
        before = self.world.row()
        assert self.world.present(max(0, self.head - back), stranger=True) == Answer(error="invalid_grant")
        assert self.world.row() == before

    @rule(ahead=st.integers(1, 3))
    def present_a_token_of_the_future(self, ahead: int) -> None:
        """Minted by us, unknown to the row, as after a restored backup: refused, and nothing is written."""
        before = self.world.row()
        assert self.world.present(self.head + ahead) == Answer(error="invalid_grant")
        assert self.world.row() == before

    @rule(seconds=st.sampled_from([1, WINDOW - 1, WINDOW, WINDOW + 1, 3600, 86_400 * 10, 86_400 * 14]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.world.now += seconds

    @invariant()
    def there_is_one_living_head(self) -> None:
        """The row stands where the last success left it; once dead, always dead."""
        row = self.world.row()
        assert row.generation == self.head
        assert (row.ended_at is not None) == self.is_dead
        assert row.idle_expires_at <= row.expires_at


class Honesty(RuleBasedStateMachine):
    """A client with bad luck and many tabs, who retries within the window: it is never signed out."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.held = 0  # the generation that the client has in its storage

    @rule()
    def replace_the_secret(self) -> None:
        """Between an answer that was lost and its repetition, too."""
        self.world.replace_secret()

    @rule(tabs=st.lists(st.booleans(), min_size=1, max_size=4), answers=st.integers(0, 1))
    def refresh(self, tabs: list[bool], answers: int) -> None:
        """Several tabs send what the storage holds; all answers are lost, or they arrive and are one and the same."""
        given = {self.world.present(self.held, is_previous=is_previous).generation for is_previous in tabs}
        assert given == {self.world.row().generation}
        if answers:
            self.held = self.world.row().generation

    @rule(seconds=st.integers(1, 86_400 * 20))
    def wait(self, seconds: int) -> None:
        """Who missed an answer retries within the window; who is up to date may take days."""
        row = self.world.row()
        end = min(row.idle_expires_at, row.expires_at) - 1
        if self.held < row.generation:
            end = min(end, row.rotated_at + WINDOW)
        self.world.now = max(self.world.now, min(self.world.now + seconds, end))

    @invariant()
    def the_session_lives(self) -> None:
        """Nobody is signed out by bad luck, and the client is at most one answer behind."""
        row = self.world.row()
        assert row.ended_at is None
        assert row.generation - self.held in {0, 1}


PURE = settings(max_examples=300, stateful_step_count=30, deadline=None)
STORED = settings(max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Machine = Callable[[World], RuleBasedStateMachine]


@pytest.mark.parametrize("machine", [Theft, Honesty])
def test_the_decision_keeps_to_the_rules(machine: Machine) -> None:
    """Design §6.1, the table; random interleavings over the pure decision."""
    run_state_machine_as_test(lambda: machine(PureWorld()), settings=PURE)  # type: ignore[arg-type] # it takes any factory


@pytest.mark.parametrize("machine", [Theft, Honesty])
def test_the_whole_flow_keeps_to_the_rules(machine: Machine, desk: "Desk") -> None:
    """Design §6.1, the table; the same machines through endpoint and database."""
    run_state_machine_as_test(lambda: machine(StoredWorld(desk)), settings=STORED)  # type: ignore[arg-type] # it takes any factory
