"""`jotary client update`."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jotary.jose import Key
from jotary.oauth.secret import Secret
from jotary.server.app import create_app
from jotary.server.settings import Settings

Run = Callable[..., Any]
CALLBACK = "https://app.example.com/callback"
OTHER = "https://app.example.com/other"
TODO = "https://todo.example.com"


@pytest.fixture
def made(run: Run) -> dict[str, Any]:
    """A web client, without its secret."""
    members: dict[str, Any] = run(
        *("client", "create", "app", "--type", "web", "--redirect-uri", CALLBACK, "--scope", "todo:read", "--json")
    ).json()
    del members["client_secret"]
    return members


def test_every_option_changes_its_member(run: Run, made: dict[str, Any]) -> None:
    """The others stay, and the answer is what `show` says."""
    changed = run(
        *("client", "update", "app", "--name", "The App", "--first-party", "--json"),
        *("--add-redirect-uri", OTHER, "--remove-redirect-uri", CALLBACK),
        *("--add-post-logout-redirect-uri", CALLBACK),
        *("--add-scope", "todo:write todo:share", "--remove-scope", "todo:read", "--remove-scope", "email"),
        *("--add-audience", TODO),
        *("--auth-method", "client_secret_post"),
    ).json()
    assert changed == {
        **made,
        "client_name": "The App",
        "first_party": True,
        "redirect_uris": [OTHER],
        "post_logout_redirect_uris": [CALLBACK],
        "scope": "openid profile todo:write todo:share",
        "audiences": [TODO],
        "token_endpoint_auth_method": "client_secret_post",
    }
    assert run("client", "show", "app", "--json").json() == changed
    assert run("client", "update", "app", "--no-first-party", "--json").json() == {**changed, "first_party": False}


def test_the_trail_names_who_changed_what(run: Run, made: dict[str, Any]) -> None:
    """With the user of the operating system."""
    run("client", "update", made["client_id"], "--name", "The App")
    event = json.loads(run("audit", "list", "--kind", "client.updated", "--json").out)
    assert event["client_id"] == "app"
    assert event["actor"]
    assert event["detail"] == {"changed": {"name": {"from": "app", "to": "The App"}}}


def test_keys_are_replaced_and_a_secret_is_shown_once(run: Run, made: dict[str, Any]) -> None:
    """RFC 7523; and back."""
    jwks = {"keys": [Key.generate("ES256").to_jwk()]}
    Path("jwks.json").write_text(json.dumps(jwks))
    by_key = run("client", "update", "app", "--auth-method", "private_key_jwt", "--jwks", "jwks.json", "--json").json()
    assert by_key == {**made, "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}
    outcome = run("client", "update", "app", "--auth-method", "client_secret_basic")
    assert outcome.out.endswith("Keep the secret now: it cannot be shown again.\n")
    assert "jcs_" in outcome.out
    assert run("client", "show", "app", "--json").json() == made


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "Say what to change, such as --add-redirect-uri URI."),
        (["--type", "native"], 2, "The type of a client stays: its tokens and sessions stand on it. Register another"),
        (["--id", "b"], 2, "The id of a client stays"),
        (["--auth-method", "none"], 1, "Error: app is confidential and stays so"),
        (["--remove-redirect-uri", OTHER], 1, f"Error: app has no redirect URI {OTHER}. It has: {CALLBACK}."),
        (["--add-redirect-uri", "http://a.example/"], 1, "http://a.example/: the redirect URI may not be registered"),
    ],
)
def test_a_wrong_wish_is_refused_with_what_to_change(
    run: Run, made: dict[str, Any], arguments: list[str], code: int, says: str
) -> None:
    """And nothing is changed."""
    outcome = run("client", "update", "app", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert says in " ".join(outcome.err.split())
    assert run("client", "show", "app", "--json").json() == made


def test_a_client_that_somebody_wrote_by_hand_can_be_changed(run: Run, made: dict[str, Any]) -> None:
    """JSON may have spaces; what is compared is what it says."""
    with closing(sqlite3.connect("jotary.db", isolation_level=None)) as connection:
        connection.execute("UPDATE clients SET redirect_uris = ?", (json.dumps([CALLBACK, OTHER]),))
    changed = run("client", "update", "app", "--remove-redirect-uri", OTHER, "--json").json()
    assert changed == made


def test_a_running_server_goes_by_it_at_once(run: Run, made: dict[str, Any], open_door: Run, serve: Run) -> None:
    """No client is remembered between two requests: RFC 6749 §3.1.2.4, an unknown redirect URI is a page."""
    door = open_door()
    secret = Secret(Path("jotary.secret").read_text(encoding="utf-8").strip())
    database = f"sqlite:///{Path('jotary.db').absolute()}"
    serve(door, create_app(Settings(issuer=door.origin, database=database, secret=secret)))
    asked = {
        "client_id": made["client_id"],
        "response_type": "code",
        "redirect_uri": OTHER,
        "scope": "openid",
        "state": "s",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }

    async def statuses() -> list[int]:
        async with httpx2.AsyncClient(base_url=door.origin, trust_env=False, timeout=20) as browser:
            return [(await browser.get("/authorize", params=asked)).status_code]

    assert asyncio.run(statuses()) == [400]
    assert run("client", "update", "app", "--add-redirect-uri", OTHER).code == 0
    assert asyncio.run(statuses()) == [303]
    assert run("client", "update", "app", "--remove-redirect-uri", OTHER).code == 0
    assert asyncio.run(statuses()) == [400]
