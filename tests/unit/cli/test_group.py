"""The command line as a whole: its commands, its help, and what becomes of failures."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

from jotary.cli.complaint import complain
from jotary.cli.group import COMMANDS, jotary
from jotary.server.ports import Unavailable

Run = Callable[..., Any]


def every_command(command: click.Command = jotary, path: str = "jotary") -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, groups among them."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            _, inner, _ = command.resolve_command(context, [name])
            assert inner is not None
            yield from every_command(inner, f"{path} {name}")


ALL = dict(every_command())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_stub_says_what_its_command_says(name: str) -> None:
    """The list of commands is made without loading them, so it says in fewer words what they say of themselves."""
    said = " ".join((ALL[f"jotary {name}"].help or "").replace(",", "").split()).replace(".", "")
    assert set(COMMANDS[name][1].replace(",", "").replace(".", "").split()) <= set(said.split())


@pytest.mark.parametrize(("path", "command"), ALL.items(), ids=ALL)
def test_every_command_has_help(run: Run, path: str, command: click.Command) -> None:
    """And every option of it."""
    outcome = run(*path.split()[1:], "--help")
    assert outcome.code == 0
    assert outcome.out.startswith("Usage: ")
    assert command.help
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


PRINTS_DATA = ("create", "list", "show", "enable", "disable", "rotate", "rotate-secret")


@pytest.mark.parametrize("path", [path for path in ALL if path.split()[-1] in PRINTS_DATA])
def test_every_command_that_prints_data_has_json(path: str) -> None:
    """Design §7."""
    assert "--json" in [option for parameter in ALL[path].params for option in parameter.opts]


def test_the_version(run: Run) -> None:
    """Of the distribution."""
    assert run("--version").out == f"jotary {version('jotary')}\n"


def test_a_mistyped_command_is_refused_with_the_nearest(run: Run) -> None:
    """2, as of every program."""
    outcome = run("usr")
    assert (outcome.code, outcome.out) == (2, "")
    assert "Did you mean 'user'?" in outcome.err


def test_a_wrong_setting_is_one_line_with_what_to_do(run: Run, tmp_path: Path) -> None:
    """Where it stands, what is wrong, what to write."""
    (tmp_path / "jotary.toml").write_text('issuer = "http://id.example.com"')
    outcome = run("user", "list")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        f"Error: {tmp_path / 'jotary.toml'}: issuer: uses http. "
        "Use https; http is for 127.0.0.1, [::1] and localhost only.\n"
    )


def test_another_configuration_file_may_be_named(run: Run, tmp_path: Path) -> None:
    """Of every command that works on the database; its paths are relative to it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "other.toml").write_text("")
    outcome = run("user", "list", "--config", "etc/other.toml")
    assert outcome.out == "There is no account yet.\n"
    assert outcome.err.splitlines() == [
        f"Made a secret: {tmp_path / 'etc' / 'jotary.secret'}",
        f"Making a database: {tmp_path / 'etc' / 'jotary.db'}",
    ]


def test_the_database_is_closed_behind_a_command(run: Run, tmp_path: Path) -> None:
    """SQLite folds its log into the file when the last connection to it is closed."""
    assert run("client", "create", "svc", "--type", "service").code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["jotary.db", "jotary.secret"]


@pytest.mark.parametrize(
    "path", [path for path in ALL if path.count(" ") == 2 or path in {"jotary serve", "jotary init"}]
)
def test_every_command_takes_the_configuration_file(path: str) -> None:
    """So that all of them work on the same database."""
    assert "--config" in [option for parameter in ALL[path].params for option in parameter.opts]


def test_a_database_that_is_none_is_one_line(run: Run) -> None:
    """No traceback, whatever the driver raises."""
    Path("jotary.db").write_bytes(b"x" * 4096)
    outcome = run("user", "list")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert outcome.err.startswith("Error: cannot open the database")


def test_a_folder_that_is_not_there_is_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said to be made that is not, and trying again would not help."""
    folder = tmp_path / "not there"
    monkeypatch.setenv("JOTARY_DATABASE", f"sqlite:///{folder}/jotary.db")
    outcome = run("user", "list")
    assert outcome == (
        1,
        "",
        (
            f"Error: secret: cannot be made in {folder}/jotary.secret: its folder is not there. "
            f"Make it with: mkdir -p '{folder}'; or name a secret_file.\n"
        ),
    )
    monkeypatch.setenv("JOTARY_SECRET", "a secret that is long enough for tests")
    outcome = run("user", "list")
    assert outcome == (
        1,
        "",
        (
            f"Error: cannot open the database {folder}/jotary.db: its folder is not there. "
            f"Make it with: mkdir -p '{folder}'; or name another file in the setting database.\n"
        ),
    )


def test_a_folder_that_is_none_is_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is the system's word for it, without the number of an error."""
    monkeypatch.setenv("JOTARY_DATABASE", f"sqlite:///{tmp_path}/jotary.db/jotary.db")
    monkeypatch.setenv("JOTARY_SECRET", "a secret that is long enough for tests")
    outcome = run("user", "list")
    assert outcome.err == (
        f"Error: cannot open the database {tmp_path}/jotary.db/jotary.db: Not a directory. "
        f"See that {tmp_path}/jotary.db is a folder that this user may write to, "
        "or name another file in the setting database.\n"
    )


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ModuleNotFoundError("", name="sqlalchemy.engine"),
            "needs sqlalchemy.engine. Install it with: pip install 'jotary[server]'",
        ),
        (
            ModuleNotFoundError("", name="httpx2"),
            "this command needs httpx2. Install it with: pip install 'jotary[server]'",
        ),
        (PermissionError(13, "Permission denied", "jotary.toml"), "jotary.toml: Permission denied."),
        (Unavailable("the database did not answer"), "the database did not answer. Look after it, and try again."),
        (Unavailable("boto3 is missing", hint="Install it."), "boto3 is missing. Install it."),
        (KeyError("x"), "internal error: KeyError: 'x'. Please report it; JOTARY_TRACEBACK=1 shows where it happened."),
    ],
)
def test_a_failure_is_said_in_one_line(error: Exception, says: str) -> None:
    """With what to do about it."""
    assert complain(error).message.endswith(says)


@pytest.mark.parametrize(("command", "extra"), [("demo", "demo"), ("login", "native"), ("token", "native")])
def test_a_missing_library_names_the_extra_that_brings_all_that_the_command_needs(command: str, extra: str) -> None:
    """One installation, and not one for each library that is missing."""
    program = (
        f"import sys; sys.modules['httpx2'] = None; sys.argv[1:] = ['{command}']; import jotary.cli as c; c.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == f"Error: this command needs httpx2. Install it with: pip install 'jotary[{extra}]'\n"


def test_a_database_that_is_a_folder_or_another_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told, with what to change."""
    monkeypatch.setenv("JOTARY_SECRET", "a secret that is long enough for tests")
    (tmp_path / "notes.txt").write_text("not a database, " * 100)
    for path, says in (
        (tmp_path, "it is a folder. Add a name to it, or name another file in the setting database.\n"),
        (tmp_path / "notes.txt", "it is a file of something else. See what it is, or name another file in the"),
    ):
        monkeypatch.setenv("JOTARY_DATABASE", f"sqlite:///{path}")
        outcome = run("user", "list")
        assert outcome.err.startswith(f"Error: cannot open the database {path}: {says}")
        assert outcome.code == 1
    assert (tmp_path / "notes.txt").read_text() == "not a database, " * 100


def test_a_database_that_is_damaged(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a disk, or by somebody who copied over it: no waiting helps, and nothing that SQLAlchemy says of itself."""
    path = tmp_path / "damaged.db"
    monkeypatch.setenv("JOTARY_SECRET", "a secret that is long enough for tests")
    monkeypatch.setenv("JOTARY_DATABASE", f"sqlite:///{path}")
    assert run("user", "list").code == 0
    whole = path.read_bytes()
    for damaged in (
        whole[: len(whole) // 8192 * 4096],
        whole[:4096] + bytes(len(whole) - 4096),
        whole.replace(
            b"CREATE TABLE passwords", b"CREATE TABL\xff passwords"
        ),  # SQLite quotes it, and Python takes no such text
    ):
        path.write_bytes(damaged)
        outcome = run("user", "list")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert outcome.err.startswith(f"Error: cannot open the database {path}: it is damaged. Stop every server, ")


def test_a_database_whose_log_cannot_be_opened(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder, or on a file system, that is read only: SQLite writes beside the file even to read it."""
    path = tmp_path / "jotary.db"
    monkeypatch.setenv("JOTARY_SECRET", "a secret that is long enough for tests")
    monkeypatch.setenv("JOTARY_DATABASE", f"sqlite:///{path}")
    assert run("user", "list").code == 0
    (tmp_path / "jotary.db-wal").mkdir()
    outcome = run("user", "list")
    assert outcome.code == 1
    assert outcome.err.startswith(f"Error: cannot open the database {path}: unable to open database file. See that ")
    assert f"{tmp_path} is a folder that this user may write to" in outcome.err


def test_it_runs_as_a_module() -> None:
    """Where the script is not on the path, as on Windows or with `pip install --user`."""
    command = [sys.executable, "-m", "jotary", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("jotary ")


def test_a_failure_of_ours_shows_its_traceback_only_when_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the report of a defect."""

    def break_down(_command: object) -> None:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr("jotary.cli.user._everybody", break_down)
    outcome = run("user", "list")
    assert outcome.code == 1
    assert outcome.err.startswith("Error: internal error: ZeroDivisionError: broken. ")
    monkeypatch.setenv("JOTARY_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run("user", "list")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run some Python in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_help_loads_no_server_and_no_database() -> None:
    """Design §5: click starts in a tenth of a second; what a command needs is loaded when it runs."""
    shown = python(
        """
import json, sys
from jotary.cli import main
sys.argv = ["jotary", "--help"]
try:
    main()
except SystemExit:
    print(json.dumps(sorted(sys.modules)))
"""
    )
    loaded = json.loads(shown.stdout.splitlines()[-1])
    assert "click" in loaded
    assert not {"sqlalchemy", "starlette", "uvicorn", "structlog", "cryptography", "rich"} & set(loaded)


def test_garbage_is_collected_once_a_command_is_loaded() -> None:
    """What was loaded before is looked through never again."""
    shown = python(
        """
import gc, sys
from jotary.cli import main
sys.argv = ["jotary", "db", "--help"]
try:
    main()
except SystemExit:
    print(gc.isenabled(), gc.get_freeze_count() > 0)
"""
    )
    assert shown.stdout.splitlines()[-1] == "True True"


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ([], "cli"),
        (["--help"], "cli"),
        (["explain", "-"], "cli"),
        (["serve", "--port", "0"], "server"),
        (["demo"], "demo"),
        (["login"], "cli,native"),
    ],
)
def test_without_click_it_says_which_extra_brings_all_that_the_command_needs(line: list[str], extra: str) -> None:
    """`pip install jotary` alone installs the script too; nobody should have to install twice."""
    outcome = python(
        f"""
import importlib.util, sys
sys.argv[1:] = {line!r}
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "click" else find_spec(name)
from jotary.cli import main
main()
"""
    )
    assert outcome.returncode == 1
    needed = "Error: the jotary command needs click. Install it with:"
    assert outcome.stderr == f"{needed} pip install 'jotary[{extra}]'\n"


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_no_color_is_honoured(no_color: str, is_coloured: bool) -> None:
    """no-color.org; as on a terminal, which keeps colours."""
    code = "from jotary.cli.group import jotary; print(jotary.make_context('jotary', ['x']).color is not False)"
    assert python(code, NO_COLOR=no_color).stdout == f"{is_coloured}\n"
