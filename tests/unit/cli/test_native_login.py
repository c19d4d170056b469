"""What `jotary login`, `token` and `logout` remember and ask, whatever becomes of the sign-in (design §6.6)."""

import resource
import secrets
import threading
import webbrowser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jotary.cli import native_login
from jotary.cli.group import jotary
from jotary.cli.login import _open
from jotary.cli.native_login import Login, find_login, forget, remember, sealed_file
from jotary.client.native import EncryptedFileStore, NativeApp, SignedIn
from jotary.client.native.signed_in import to_text
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret

LOGIN = Login("http://127.0.0.1:9", "todo-native", "file")  # where nobody listens (RFC 863)
ARGUMENTS = ("login", "--issuer", LOGIN.issuer, "--client-id", LOGIN.client_id, "--store", "file", "--no-browser")
SESSION = SignedIn(
    issuer=LOGIN.issuer,
    client_id=LOGIN.client_id,
    subject="person-1",
    tokens=TokenSet(
        access_token=Secret("at-secret"),
        refresh_token=Secret("rt-secret"),
        id_token=None,
        scopes=("openid",),
        obtained_at=0,
        expires_at=2**40,
    ),
)


def run(*arguments: str, stdin: str = "") -> Result:
    """Run `jotary` in this process."""
    return CliRunner(catch_exceptions=False).invoke(jotary, arguments, input=stdin)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for state, and no passphrase in the environment."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(native_login.PASSPHRASE, raising=False)
    return tmp_path


@pytest.fixture
def kept() -> None:
    """A session in the file, and the record of it."""
    remember(LOGIN)
    store = EncryptedFileStore(sealed_file(), passphrase=lambda: Secret("correct"), entropy=secrets.token_bytes)
    store.save(to_text(SESSION, max_length=None))


def answer(monkeypatch: pytest.MonkeyPatch, outcome: SignedIn | BaseException) -> list[tuple[Login | None, str]]:
    """Let the sign-in end so; returns what was remembered meanwhile, and the passphrase."""
    seen: list[tuple[Login | None, str]] = []

    async def login(app: Any, **_options: object) -> SignedIn:
        seen.append((find_login(), app._shared._store._ask().reveal()))
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(NativeApp, "login", login)
    return seen


def test_a_login_is_remembered_before_there_are_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens that no record names would be neither used nor ended."""
    monkeypatch.setenv(native_login.PASSPHRASE, "correct")
    seen = answer(monkeypatch, SESSION)
    result = run(*ARGUMENTS)
    assert (result.exit_code, seen) == (0, [(LOGIN, "correct")])
    assert f"Signed in at {LOGIN.issuer} as person-1." in result.stdout
    assert find_login() == LOGIN


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_login_that_fails_leaves_what_was_remembered(
    monkeypatch: pytest.MonkeyPatch, *, is_there: bool, interrupted: bool
) -> None:
    """Nothing, or the same login, whose session is still there; and the person may try elsewhere."""
    monkeypatch.setenv(native_login.PASSPHRASE, "correct")
    if is_there:
        remember(LOGIN)
    if interrupted:
        answer(monkeypatch, KeyboardInterrupt())
    result = run(*ARGUMENTS)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert find_login() == (LOGIN if is_there else None)


def test_the_passphrase_of_a_login_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is there is replaced unopened: a typing error would lock the new one up."""
    sealed_file().parent.mkdir()
    sealed_file().touch()
    seen = answer(monkeypatch, SESSION)
    result = run(*ARGUMENTS, stdin="corect\ncorrect\ncorrect\ncorrect\n")
    assert (result.exit_code, seen) == (0, [(LOGIN, "correct")])


def test_a_record_that_cannot_be_written_stays_as_it_is(kept: None) -> None:
    """A full disk: an empty one would cut the person off from a session that is there."""
    assert kept is None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            remember(LOGIN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert find_login() == LOGIN


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("command", ["token", "logout"])
def test_the_passphrase_is_asked_for_where_an_interrupt_arrives(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the main thread; in another one the prompt would go on until it was answered."""
    asked: list[threading.Thread] = []

    def ask() -> Secret:
        asked.append(threading.current_thread())
        return Secret("correct")

    monkeypatch.setattr(native_login, "ask_passphrase", ask)
    result = run(command)
    assert (result.exit_code, asked) == (0, [threading.main_thread()])
    assert result.stdout == {"token": "at-secret\n", "logout": "Signed out.\n"}[command]


def test_where_there_is_no_file_nobody_is_asked_for_its_passphrase() -> None:
    """Nobody is signed in, whatever it is."""
    remember(LOGIN)
    result = run("token")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nobody is signed in" in result.stderr
    assert "Passphrase" not in result.stderr
    forget()


def test_the_address_is_told_although_a_browser_opens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What opens browsers mostly says that it could: nothing may appear all the same, or in another place."""
    opened: list[str] = []

    def open_it(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_it)
    _open("https://id.example/authorize?x=1")
    said = capsys.readouterr()
    assert opened == ["https://id.example/authorize?x=1"]
    assert said.out == ""
    assert "\n\nhttps://id.example/authorize?x=1\n" in said.err
