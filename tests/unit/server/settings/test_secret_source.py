"""The server's secret: where it is looked for, and when one is made."""

import errno
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jotary.server.settings import Loaded, SettingsError
from jotary.server.settings.secret_source import create_secret, read_secret

Load = Callable[..., Loaded]
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
PUBLIC = 'issuer = "https://id.example.com"\n'


def test_a_public_issuer_never_gets_a_secret_by_itself(read: Load, tmp_path: Path) -> None:
    """Two machines would each make their own, and refuse each other's tokens."""
    with pytest.raises(SettingsError, match="secret: is missing") as refused:
        read(PUBLIC)
    assert "token_urlsafe" in refused.value.hint
    assert not list(tmp_path.glob("*secret*"))


def test_a_loopback_issuer_gets_one_beside_its_database(read: Load, tmp_path: Path) -> None:
    """Made once, readable by its owner only, and said to be new once."""
    (tmp_path / "data").mkdir()
    first, second = (read('database = "sqlite:///data/jotary.db"') for _ in range(2))
    path = tmp_path / "data" / "jotary.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (first.secret.origin, first.secret.is_new, second.secret.is_new) == (str(path), True, False)
    assert first.settings.secret.matches(second.settings.secret)
    assert len(first.settings.secret.reveal()) == 43
    assert [file.name for file in path.parent.iterdir()] == ["jotary.secret"]


def test_no_secret_is_made_for_settings_that_are_wrong(read: Load, tmp_path: Path) -> None:
    """A refused start leaves nothing behind."""
    for wrong in ("hash_queue = -1", 'database = "mysql://localhost/jotary"'):
        with pytest.raises(SettingsError):
            read(wrong)
    assert not (tmp_path / "jotary.secret").exists()


def test_the_environment_wins_over_the_secret_file(read: Load) -> None:
    """As for every setting; the file is not even opened."""
    loaded = read(f'{PUBLIC}secret_file = "missing"', JOTARY_SECRET=f" {SECRET}\n")
    assert loaded.settings.secret.reveal() == SECRET
    assert (loaded.secret.origin, loaded.secret.is_new) == ("JOTARY_SECRET", False)


def test_a_secret_that_cannot_be_made_is_said(read: Load) -> None:
    """The folder of the database is not there."""
    with pytest.raises(SettingsError, match="cannot be made") as refused:
        read('database = "sqlite:///missing/jotary.db"')
    assert "secret_file" in refused.value.hint


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has fewer than 32 bytes"),
        (b"0123456789abcdef0123456789abcde\n", "has fewer than 32 bytes"),
        (b"a" * 64, "easily guessed"),
        (b"\xff" * 40, "is not text"),
        (SECRET.encode() * 200, "is too long"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    """A wrong path must not turn another file into the root of all keys."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=problem) as refused:
        read_secret(path)
    assert refused.value.origin == str(path)


def test_a_secret_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    """Replacing it would sign everybody out."""
    path = tmp_path / "jotary.secret"
    path.write_text(SECRET)
    assert create_secret(path) is False
    assert path.read_text() == SECRET
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="a folder can be synced there alone")
def test_a_new_secret_outlives_power_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sealed under it is on the disk at once. First what it holds, then its name (fsync(2))."""
    path, synced = tmp_path / "jotary.secret", []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_folder, path.exists(), 0 if is_folder else os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fsync", fsync)
    assert create_secret(path)
    assert synced == [(False, False, path.stat().st_size), (True, True, 0)]


def test_a_disk_that_takes_no_secret_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start makes one as if there had been none."""

    def fsync(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            create_secret(tmp_path / "jotary.secret")
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    """The file appears complete: nobody reads a half-written one."""
    path = tmp_path / "jotary.secret"

    def start(_: int) -> tuple[bool, str]:
        return create_secret(path), read_secret(path).reveal()

    with ThreadPoolExecutor(16) as threads:
        made, secrets = zip(*threads.map(start, range(64)), strict=True)
    assert sum(made) == 1
    assert len(set(secrets)) == 1
