"""examples/todo/native: tasks on the command line, with a session in a real Secret Service."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from jotary.cli.demonstration.cast import Cast
from jotary.cli.demonstration.production import put_on
from jotary.cli.demonstration.stage import Stage

if TYPE_CHECKING:
    from tests.journeys.native.conftest import Desktop

TODO = [sys.executable, "-m", "todo.native"]


class Servers(NamedTuple):
    """Where they are, and who may sign in."""

    issuer: str
    todo_api: str
    cast: Cast


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """The demonstration's three servers; access tokens expire from one command to the next."""
    folder = tmp_path / "servers"
    folder.mkdir()
    with Stage(folder) as stage:
        production = put_on(stage, folder, access_token_lifetime=2)
        yield Servers(production.issuer, production.todo_api, production.cast)


def test_add_list_done(servers: Servers, desktop: "Desktop") -> None:
    """The first command signs in; the others go on with the session, whose token has expired meanwhile."""
    environment = {"TODO_ISSUER": servers.issuer, "TODO_API": servers.todo_api, "BROWSER": shutil.which("true") or ""}

    def todo(*arguments: str) -> str:
        process = desktop.start_program([*TODO, *arguments], **environment)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        return out

    first = desktop.start_program([*TODO, "add", "Write the letter"], **environment)
    said = desktop.sign_in(first, servers)
    assert (said.code, "Write the letter" in said.out) == (0, True), said
    number = said.out.split()[0]
    todo("add", "Post it")
    assert "Write the letter" in todo("list")
    assert " x " in todo("done", number)
    assert "Write the letter" not in todo("list")
    assert "Post it" in todo("list")
