"""The token endpoint as such: who may ask for which grant, and what an answer holds (RFC 6749 §3.2, §5)."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from jotary.oauth.errors import invalid_grant
from jotary.oauth.parameters import Parameters
from jotary.server.flows import token
from jotary.server.flows.grant import Grant, GrantContext, GrantRequest
from jotary.server.flows.grants import GRANTS
from jotary.server.flows.issue import TokenResponse
from jotary.server.model.changes import Change
from jotary.server.ports import Conflict, Unavailable

if TYPE_CHECKING:
    from tests.spec.conftest import Desk


def test_an_answer_has_the_members_of_the_standard_and_no_others(desk: "Desk") -> None:
    """RFC 6749 §5.1, OIDC Core §3.1.3.3."""
    response = desk.sign_in(desk.add_client())

    members = msgspec.json.decode(msgspec.json.encode(response))
    assert set(members) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert members["token_type"] == "Bearer"
    assert members["expires_in"] == desk.settings.access_token_lifetime


def test_members_without_a_value_are_left_out(desk: "Desk") -> None:
    """RFC 6749 §4.4.3: no refresh token for client credentials; and no null in its place."""
    response = desk.ask(desk.add_client(), grant_type="client_credentials")

    assert set(msgspec.json.decode(msgspec.json.encode(response))) == {
        "access_token",
        "token_type",
        "expires_in",
        "scope",
    }


def test_an_answer_does_not_print_its_tokens(desk: "Desk") -> None:
    """Design §4: a secret does not reach a log."""
    response = desk.sign_in(desk.add_client())

    assert response.access_token not in repr(response)
    assert str(response.refresh_token) not in f"{response}"


def test_the_grant_type_is_required(desk: "Desk") -> None:
    """RFC 6749 §4.1.3, §5.2."""
    error = desk.refused(desk.ask, desk.add_client())

    assert (error.error, error.status) == ("invalid_request", 400)


def test_a_repeated_grant_type_is_refused(desk: "Desk") -> None:
    """RFC 6749 §3.2: no parameter more than once."""
    error = desk.refused(desk.ask, desk.add_client(), grant_type=["client_credentials", "client_credentials"])

    assert (error.error, error.status) == ("invalid_request", 400)


@pytest.mark.parametrize("grant_type", ["password", "implicit", "CLIENT_CREDENTIALS", "client_credentials "])
def test_an_unknown_grant_type_is_refused(desk: "Desk", grant_type: str) -> None:
    """RFC 6749 §5.2; the password grant is gone for good (RFC 9700 §2.4)."""
    error = desk.refused(desk.ask, desk.add_client(), grant_type=grant_type)

    assert (error.error, error.status) == ("unsupported_grant_type", 400)


@pytest.mark.parametrize("grant_type", [grant.NAME for grant in GRANTS])
def test_a_client_uses_no_grant_that_it_is_not_registered_for(desk: "Desk", grant_type: str) -> None:
    """RFC 6749 §5.2, unauthorized_client; the hint names what to register."""
    others = tuple(grant.NAME for grant in GRANTS if grant_type != grant.NAME)
    client = desk.add_client(grant_types=others)

    error = desk.refused(desk.ask, client, grant_type=grant_type)

    assert (error.error, error.status) == ("unauthorized_client", 400)
    assert grant_type in error.error_description


def test_a_grant_type_taken_from_a_client_is_gone_at_once(desk: "Desk") -> None:
    """A registration counts anew at every request: no living session goes on without the grant."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    desk.change_client(client, grant_types=("authorization_code",))

    error = desk.refused(desk.refresh, client, tokens.refresh_token)

    assert error.error == "unauthorized_client"
    assert desk.session(desk.claims(tokens.access_token)["sid"]).ended_at is None


def test_a_stranger_learns_nothing_about_grants(desk: "Desk") -> None:
    """RFC 6749 §3.2.1: the client is authenticated before anything else is looked at."""
    error = desk.refused(lambda: desk.run(desk.token(Parameters([("grant_type", "?")]), None, now=desk.now)))

    assert (error.error, error.status) == ("invalid_client", 401)


@pytest.mark.parametrize("grant", GRANTS, ids=lambda grant: str(grant.NAME))
def test_every_declared_parameter_but_resource_is_refused_when_repeated(desk: "Desk", grant: Grant) -> None:
    """RFC 6749 §3.2; only `resource` may be repeated (RFC 8707 §2)."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user())
    forms: dict[str, dict[str, Any]] = {
        "authorization_code": {"code": issued.code, "code_verifier": issued.code_verifier, "redirect_uri": "x"},
        "refresh_token": {"refresh_token": desk.sign_in(client).refresh_token},
        "client_credentials": {},
    }
    form = forms[grant.NAME]

    for parameter in set(grant.PARAMETERS) - {"resource"}:
        error = desk.refused(desk.ask, client, **{**form, "grant_type": grant.NAME, parameter: ["x", "y"]})
        assert (error.error, error.status) == ("invalid_request", 400), parameter


def test_what_a_grant_did_not_declare_it_never_sees(desk: "Desk") -> None:
    """RFC 6749 §3.2: unknown parameters are ignored, repeated ones too; a code's scope stays as it is."""
    client = desk.add_client()
    issued = desk.issue_code(client, desk.add_user(), scopes=("todo:read",))

    response = desk.redeem(client, issued, scope="todo:write", refresh_token=["a", "b"], nonce="n", audience="x")

    assert response.scope == "todo:read"


class _Spy:
    """A grant that remembers what it was shown."""

    NAME = "spy"
    PARAMETERS = frozenset({"declared", "resource"})

    def __init__(self) -> None:
        self.seen: set[str] = set()

    async def answer(self, request: GrantRequest, _context: GrantContext, /) -> TokenResponse:
        """Look and refuse."""
        self.seen = set(request.parameters.names)
        raise invalid_grant("seen")


def test_undeclared_parameters_do_not_even_reach_a_grant(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    """Design §2: a grant declares what it reads, so nothing that it never thought of can change what it does."""
    spy = _Spy()
    monkeypatch.setattr(token, "GRANTS", (spy,))
    client = desk.add_client(grant_types=("spy",), token_endpoint_auth_method="client_secret_post")

    desk.refused(desk.ask, client, grant_type="spy", declared="1", resource=["a", "b"], undeclared="2")

    assert spy.seen == {"declared", "resource"}


@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
def test_required_parameters_are_named_when_they_are_missing(desk: "Desk", grant_type: str) -> None:
    """RFC 6749 §4.1.3, §6, RFC 7636 §4.5: the integrator is told which one."""
    client = desk.add_client()
    required: dict[str, str] = {
        "authorization_code": {"code": "c", "code_verifier": "v", "redirect_uri": "r"},
        "refresh_token": {"refresh_token": "t"},
    }[grant_type]

    for name in required:
        form: dict[str, Any] = {**required, "grant_type": grant_type, name: None}
        error = desk.refused(desk.ask, client, **form)
        assert (error.error, error.status) == ("invalid_request", 400)
        assert name in error.error_description


class _SomebodyIsFirst:
    """A store in which every compare-and-set fails."""

    def __init__(self, desk: "Desk") -> None:
        self.tries = 0
        self.desk = desk

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk.store, name)

    async def commit(self, *changes: Change) -> None:
        """Refuse."""
        self.tries += 1
        raise Conflict(changes[0])


def test_conflicts_without_end_become_unavailable_and_not_a_success(desk: "Desk") -> None:
    """Design §3, §9: three tries, then 503; never an answer for what is not written."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    store = _SomebodyIsFirst(desk)
    desk.token = replace(desk.token, context=replace(desk.context, store=store))

    with pytest.raises(Unavailable):
        desk.refresh(client, tokens.refresh_token)
    assert store.tries == 3


def test_a_signer_that_cannot_sign_leaves_everything_as_it_was(desk: "Desk") -> None:
    """Design §9: nothing is half-written; code and refresh token are as good as before."""
    client = desk.add_client()
    tokens = desk.sign_in(client)
    issued = desk.issue_code(client, desk.add_user())
    working = desk.token
    without_keys = replace(desk.context.issuance, signer=desk.new_keyring())
    desk.token = replace(working, context=replace(desk.context, issuance=without_keys))

    with pytest.raises(Unavailable):
        desk.refresh(client, tokens.refresh_token)
    with pytest.raises(Unavailable):
        desk.redeem(client, issued)

    desk.token = working
    assert desk.redeem(client, issued).refresh_token
    assert desk.session(desk.claims(tokens.access_token)["sid"]).generation == 0
