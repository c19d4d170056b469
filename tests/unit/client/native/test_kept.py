"""The text in which a store keeps a session, and the folder beside it (design §6.6)."""

import json
import os
from pathlib import Path

import pytest

from jotary.client.native import StoreError
from jotary.client.native.file_lock import try_lock_file
from jotary.client.native.signed_in import SignedIn, _Kept, from_text, to_text
from jotary.client.native.state_folder import make_private, state_folder
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret

NOW = 1_800_000_000
SESSION = SignedIn(
    issuer="https://id.example",
    client_id="c",
    subject="p",
    tokens=TokenSet(
        access_token=Secret("at-secret"),
        refresh_token=Secret("rt-secret"),
        id_token=None,
        scopes=("openid",),
        obtained_at=NOW,
        expires_at=NOW + 600,
    ),
)


def read(text: str, issuer: str = "https://id.example", client_id: str = "c") -> SignedIn:
    """The session in a text."""
    return from_text(Secret(text), issuer=issuer, client_id=client_id)


def written() -> dict[str, object]:
    """What is kept of the session."""
    kept: dict[str, object] = json.loads(to_text(SESSION, max_length=None).reveal())
    return kept


def test_the_session_is_refreshed_a_minute_before_its_end() -> None:
    """From that second on."""
    assert not SESSION.is_due(NOW + 539)
    assert SESSION.is_due(NOW + 540)


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"issuer": "https://other.example"}, {"client_id": "d"}, {"unknown": 1}, {"scopes": 7}]
)
def test_another_ones_session_is_not_taken(change: dict[str, object]) -> None:
    """Its tokens would go to an issuer or an API that they are not for; another version may mean something else."""
    assert read(json.dumps(written())).subject == "p"
    with pytest.raises(StoreError, match="not a session of this client"):
        read(json.dumps({**written(), **change}))


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "\udc80", '"\\ud800"'])
def test_what_is_no_session_is_told_as_such(text: str) -> None:
    """Whatever a keychain gives back, characters beyond Unicode included."""
    with pytest.raises(StoreError, match="not a session of this client"):
        read(text)


def test_the_bound_of_a_store_is_kept_to_the_character() -> None:
    """First the access token is left out, which is had again by a refresh; then there is nothing to spare."""
    whole = len(to_text(SESSION, max_length=None).reveal())
    assert len(to_text(SESSION, max_length=whole).reveal()) == whole
    lean = to_text(SESSION, max_length=whole - 1)
    assert read(lean.reveal()).is_due(0)
    length = len(lean.reveal())
    assert to_text(SESSION, max_length=length).matches(lean)
    with pytest.raises(StoreError, match="longer than"):
        to_text(SESSION, max_length=length - 1)


def test_what_is_kept_does_not_print() -> None:
    """A trace with local variables goes to logs."""
    kept = _Kept(
        version=1,
        issuer="i",
        client_id="c",
        subject="p",
        refresh_token="rt-secret",
        access_token="at-secret",
        scopes=(),
        obtained_at=0,
        expires_at=0,
    )
    assert "secret" not in f"{kept} {kept!r} {SESSION!r}"


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_a_folder_that_group_or_others_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Either is enough to put something else into it."""
    tmp_path.chmod(mode)
    with pytest.raises(StoreError, match="written by others"):
        make_private(tmp_path)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="only where files have owners")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner may do as they please in it."""
    tmp_path.chmod(0o700)
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(StoreError, match="written by others"):
        make_private(tmp_path)


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be made") as caught:
        make_private(tmp_path / "file" / "folder")
    assert "XDG_STATE_HOME" in caught.value.hint


def test_a_place_that_depends_on_the_current_folder_is_none() -> None:
    """XDG Base Directory Specification: such a path is ignored; the locks would differ from folder to folder."""
    assert state_folder({"XDG_STATE_HOME": "state"}, platform="linux") == Path.home() / ".local/state/jotary"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only where open files can be counted")
def test_asking_for_a_lock_again_and_again_opens_no_more_files(tmp_path: Path) -> None:
    """Who waits asks twenty times a second."""
    held = try_lock_file(tmp_path / "lock")
    assert held is not None
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(9):
        assert try_lock_file(tmp_path / "lock") is None
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    held.release()
