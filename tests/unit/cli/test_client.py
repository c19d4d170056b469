"""`jotary client`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.jose import Key

Run = Callable[..., Any]
CALLBACK = "https://app.example.com/callback"


def test_a_web_client_is_made_and_its_secret_shown_once(run: Run) -> None:
    """The members that programs build on, by the names of RFC 7591 §2."""
    made = run("client", "create", "app", "--type", "web", "--redirect-uri", CALLBACK, "--json").json()
    assert made == {
        "client_id": "app",
        "client_name": "app",
        "type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [],
        "scope": "openid profile email",
        "audiences": [],
        "first_party": False,
        "client_id_issued_at": made["client_id_issued_at"],
        "client_secret": made["client_secret"],
    }
    assert made["client_secret"].startswith("jcs_")
    del made["client_secret"]
    assert run("client", "show", "app", "--json").json() == made
    assert run("client", "list", "--json").json() == [made]


def test_every_wish_is_taken(run: Run) -> None:
    """All options, repeated ones in their order."""
    made = run(
        *("client", "create", "app", "--type", "native", "--name", "The App", "--first-party", "--json"),
        *("--redirect-uri", "http://127.0.0.1/callback", "--redirect-uri", "com.example.app:/callback"),
        *("--post-logout-redirect-uri", "com.example.app:/bye"),
        *("--scope", "openid", "--scope", "todo:read todo:write openid"),
        *("--audience", "https://todo.example.com", "--audience", "https://calendar.example.com"),
    ).json()
    assert made == {
        "client_id": "app",
        "client_name": "The App",
        "type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["http://127.0.0.1/callback", "com.example.app:/callback"],
        "post_logout_redirect_uris": ["com.example.app:/bye"],
        "scope": "openid profile email todo:read todo:write",
        "audiences": ["https://todo.example.com", "https://calendar.example.com"],
        "first_party": True,
        "client_id_issued_at": made["client_id_issued_at"],
    }


def test_a_client_with_a_key(run: Run) -> None:
    """RFC 7523: --auth-method private_key_jwt with --jwks."""
    jwks = {"keys": [Key.generate("ES256").to_jwk()]}
    Path("jwks.json").write_text(json.dumps(jwks))
    made = run(
        *("client", "create", "svc", "--type", "service", "--auth-method", "private_key_jwt"),
        *("--jwks", "jwks.json", "--json"),
    ).json()
    assert made["jwks"] == jwks
    assert "client_secret" not in made
    assert "jwks" not in run("client", "show", "svc").out  # no key material fills the screen


@pytest.mark.parametrize("content", ["", "{", "[]", '{"keys": 1}', '{"a":1,"a":1}'])
def test_a_file_that_holds_no_keys_is_refused(run: Run, content: str) -> None:
    """In one line."""
    Path("jwks.json").write_text(content)
    outcome = run(
        *("client", "create", "svc", "--type", "service", "--auth-method", "private_key_jwt"), "--jwks", "jwks.json"
    )
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert outcome.err.startswith("Error: ")


def test_for_people_the_secret_stands_last_with_a_warning(run: Run) -> None:
    """And in no other place."""
    outcome = run("client", "create", "svc", "--type", "service")
    *_, secret, warning = outcome.out.splitlines()
    assert secret.split()[:2] == ["client", "secret"]
    assert warning == "Keep the secret now: it cannot be shown again."
    assert "warning" not in run("client", "show", "svc").out
    assert "jcs_" not in run("client", "show", "svc").out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["app"], 2, "Missing option '--type'"),
        (["app", "--type", "spa"], 2, "'spa' is not one of 'web', 'native', 'service'"),
        (["app", "--type", "web", "--auth-method", "tls"], 2, "'tls' is not one of"),
        (["app", "--type", "service", "--jwks", "none.json"], 2, "No such file or directory"),
        (["app", "--type", "web"], 1, "Error: a web client needs a redirect URI. Name the address"),
        (["a b", "--type", "service"], 1, "Error: 'a b' cannot be a client's id. Use 1 to 64"),
        (
            ["app", "--type", "web", "--redirect-uri", "http://a.example/"],
            1,
            "http://a.example/: the redirect URI may not be registered. Use",
        ),
    ],
)
def test_a_wrong_wish_is_refused_with_what_to_change(run: Run, arguments: list[str], code: int, says: str) -> None:
    """2 where the command line itself is wrong, as of every program; nothing is made."""
    outcome = run("client", "create", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert says in outcome.err
    assert run("client", "list").out == "There is no client yet.\n"


def test_an_audience_must_be_one_that_the_settings_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting audiences, where it is set."""
    monkeypatch.setenv("JOTARY_AUDIENCES", "https://todo.example.com")
    create = ("client", "create", "svc", "--type", "service", "--audience")
    assert run(*create, "https://other.example.com").err.startswith("Error: there is no API https://other.example.com")
    assert run(*create, "https://todo.example.com").code == 0


def test_rotating_the_secret(run: Run) -> None:
    """Another one each time, shown once."""
    first = run("client", "create", "svc", "--type", "service", "--json").json()["client_secret"]
    rotated = run("client", "rotate-secret", "svc", "--json").json()
    assert set(rotated) == {"client_id", "client_secret"}
    assert rotated["client_secret"] != first
    assert run("client", "rotate-secret", "svc").out.endswith("Keep the secret now: it cannot be shown again.\n")


def test_clients_are_listed_for_people(run: Run) -> None:
    """In order of id."""
    for client_id in ("b", "a"):
        run("client", "create", client_id, "--type", "service", "--audience", "https://todo.example.com")
    head, *lines = run("client", "list").out.splitlines()
    assert head.split("  ")[0] == "client id"
    assert [line.split() for line in lines] == [
        ["a", "service", "a", "client_secret_basic", "https://todo.example.com"],
        ["b", "service", "b", "client_secret_basic", "https://todo.example.com"],
    ]


def test_deleting_asks_first(run: Run) -> None:
    """It cannot be undone."""
    run("client", "create", "svc", "--type", "service")
    assert run("client", "delete", "svc", stdin="n\n").code == 1
    assert run("client", "show", "svc").code == 0
    assert run("client", "delete", "svc", "--yes").out == "Deleted the client svc.\n"
    assert run("client", "list", "--json").json() == []


@pytest.mark.parametrize("command", [["show"], ["rotate-secret"], ["delete", "--yes"]])
def test_no_client_by_that_name(run: Run, command: list[str]) -> None:
    """The same for all; with where to look."""
    outcome = run("client", *command, "ap")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "Error: there is no client ap. See: jotary client list\n"
