"""Where a session lies: the encrypted file, the lock, and what counts as a keychain (design §6.6)."""

import errno
import fcntl
import os
import resource
import secrets
import subprocess
import sys
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from keyring.backends.SecretService import Keyring as SecretServiceKeyring
from keyring.compat import properties

from jotary.client.native import EncryptedFileStore, KeychainStore, StoreError
from jotary.client.native.encrypted_file import MAX_SIZE
from jotary.client.native.file_lock import try_lock_file
from jotary.client.native.state_folder import state_folder
from jotary.oauth.secret import Secret

TEXT = Secret('{"refresh_token":"jrt_secret"}')


def sealed(path: Path, passphrase: str = "correct horse") -> EncryptedFileStore:
    """A store on a file."""
    return EncryptedFileStore(path, passphrase=lambda: Secret(passphrase), entropy=secrets.token_bytes)


def revealed(text: Secret | None) -> str | None:
    """The text in the open."""
    return None if text is None else text.reveal()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """In a folder that is not there yet."""
    return tmp_path / "private" / "session.sealed"


def test_a_file_is_opened_by_its_passphrase_only(path: Path) -> None:
    """AES-256-GCM under scrypt (RFC 7914); nothing of the text can be read, and others cannot read the file."""
    assert sealed(path).load() is None
    sealed(path).save(TEXT)
    assert revealed(sealed(path).load()) == TEXT.reveal()
    assert b"jrt_" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(StoreError, match="cannot be opened"):
        sealed(path, "wrong").load()


def test_a_changed_file_is_refused(path: Path) -> None:
    """Every part of it is authenticated: version, salt, nonce, text and tag."""
    store = sealed(path)
    store.save(TEXT)
    good = path.read_bytes()
    for position in (0, 1, 17, 29, len(good) - 1):
        path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        with pytest.raises(StoreError, match="not a sealed session" if position == 0 else "cannot be opened"):
            store.load()
    path.write_bytes(good[:40])
    with pytest.raises(StoreError, match="not a sealed session"):
        store.load()


def test_a_file_that_another_process_sealed_anew_is_opened(path: Path) -> None:
    """Somebody has signed in again there, and with that came another salt."""
    store = sealed(path)
    store.save(Secret("older"))
    sealed(path).save(TEXT)
    assert revealed(store.load()) == TEXT.reveal()


def test_a_file_that_is_too_long_is_not_read_on(path: Path) -> None:
    """Somebody could have put anything there; no session is longer than 256 KiB."""
    store = sealed(path)
    store.save(Secret("x" * (MAX_SIZE - 45)))
    assert store.load() is not None
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(StoreError, match="not a sealed session"):
        store.load()


def test_a_file_that_cannot_be_read_is_not_taken_for_none(path: Path) -> None:
    """Whoever has a session would be told to sign in, and never learn why."""
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be read"):
        sealed(path).load()
    with pytest.raises(StoreError, match="cannot be removed"):
        sealed(path).delete()


def test_a_wrong_passphrase_is_asked_for_again(path: Path) -> None:
    """Somebody has mistyped it; a right one is asked for once."""
    sealed(path).save(TEXT)
    typed = iter(["correct house", "correct horse"])
    store = EncryptedFileStore(path, passphrase=lambda: Secret(next(typed)), entropy=secrets.token_bytes)
    with pytest.raises(StoreError, match="cannot be opened"):
        store.load()
    assert revealed(store.load()) == revealed(store.load()) == TEXT.reveal()


def test_the_same_text_is_never_sealed_alike(path: Path) -> None:
    """A nonce that came twice under one key would give the key of the tag away (NIST SP 800-38D §8)."""
    store = sealed(path)
    store.save(TEXT)
    first = path.read_bytes()
    store.save(TEXT)
    assert path.read_bytes()[17:29] != first[17:29]
    assert path.read_bytes()[1:17] == first[1:17]  # the salt stays, or each refresh would take as long as a guess
    assert list(path.parent.iterdir()) == [path]
    store.delete()
    store.delete()
    assert store.load() is None


def test_a_file_that_cannot_be_replaced_stays_as_it_is(path: Path) -> None:
    """Whole or not at all: a folder stands in its place, and nothing half written is left."""
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o700)
    with pytest.raises(StoreError, match="cannot be written"):
        sealed(path).save(TEXT)
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_others_write_is_refused(path: Path) -> None:
    """They would put their own session there."""
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(StoreError, match="written by others"):
        sealed(path).save(TEXT)


def test_one_holder_at_a_time(path: Path) -> None:
    """Within one process, too."""
    one, other = sealed(path), sealed(path)
    held = one.try_lock()
    assert held is not None
    assert other.try_lock() is None
    held.release()
    held.release()
    again = other.try_lock()
    assert again is not None
    again.release()


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    """The system takes it back, so nobody waits for a file that a crash left behind."""
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from jotary.client.native.file_lock import try_lock_file;"
        "held = try_lock_file(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert try_lock_file(path) is None
        process.kill()
        process.wait()
    held = try_lock_file(path)
    assert held is not None
    held.release()


class PlaintextKeyring(null.Keyring):
    """What a plug-in for keyring may bring."""


# keyring's constructors have no types.
PLAINTEXT: KeyringBackend = PlaintextKeyring()  # type: ignore[no-untyped-call]  # see above
SECRET_SERVICE: KeyringBackend = SecretServiceKeyring()  # type: ignore[no-untyped-call]  # see above
NULL: KeyringBackend = null.Keyring()  # type: ignore[no-untyped-call]  # see above
FAIL: KeyringBackend = fail.Keyring()  # type: ignore[no-untyped-call]  # see above


@pytest.mark.parametrize(
    "backend",
    [null.Keyring, fail.Keyring, PlaintextKeyring, chainer.ChainerBackend],
    ids=["null", "fail", "plaintext", "chain"],
)
def test_what_keeps_nothing_or_keeps_it_open_is_no_keychain(
    backend: type[KeyringBackend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever keyring is set up to use: tokens go to a keychain, or nowhere; and the error says what to do."""
    monkeypatch.setattr(chainer.ChainerBackend, "backends", properties.classproperty(lambda _: [PLAINTEXT]))
    monkeypatch.setattr(keyring, "get_keyring", backend)
    with pytest.raises(StoreError) as caught:
        KeychainStore(issuer="https://id.example", client_id="c", folder=tmp_path / "state")
    assert "--store file" in caught.value.hint


def test_a_keychain_is_found_among_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several are there keyring chains them, and would write to the first of any kind."""
    backends = [PLAINTEXT, SECRET_SERVICE]
    monkeypatch.setattr(chainer.ChainerBackend, "backends", properties.classproperty(lambda _: backends))
    monkeypatch.setattr(keyring, "get_keyring", chainer.ChainerBackend)
    store = KeychainStore(issuer="https://id.example", client_id="c", folder=tmp_path / "state")
    assert isinstance(store._backend, SecretServiceKeyring)


@pytest.mark.parametrize("backend", [NULL, FAIL], ids=["null", "fail"])
def test_a_backend_that_keeps_nothing_is_refused_even_if_asked_for(backend: KeyringBackend, tmp_path: Path) -> None:
    """It would lose the session at once."""
    with pytest.raises(StoreError, match="keeps nothing"):
        KeychainStore(issuer="https://id.example", client_id="c", backend=backend, folder=tmp_path / "state")


def test_a_keychain_that_fails_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here: a bus that is not there."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    store = KeychainStore(issuer="https://id.example", client_id="c", backend=SECRET_SERVICE, folder=tmp_path / "state")
    for call in (store.load, lambda: store.save(TEXT), store.delete):
        with pytest.raises(StoreError, match="the keychain cannot be"):
            call()


def test_the_folder_for_state_follows_the_system() -> None:
    """XDG Base Directory, Apple's and Microsoft's conventions."""
    assert state_folder({"XDG_STATE_HOME": "/x"}, platform="linux") == Path("/x/jotary")
    assert state_folder({}, platform="linux") == Path.home() / ".local/state/jotary"
    assert state_folder({}, platform="darwin") == Path.home() / "Library/Application Support/jotary"
    assert state_folder({"LOCALAPPDATA": "/l"}, platform="win32") == Path("/l/jotary")
    assert os.fspath(state_folder({}, platform="win32")).endswith("jotary")


def test_a_passphrase_need_not_be_utf_8(path: Path) -> None:
    """PEP 383: the bytes that a terminal or the environment gave are taken as they are."""
    sealed(path, os.fsdecode(b"corr\xe8ct")).save(TEXT)
    assert revealed(sealed(path, os.fsdecode(b"corr\xe8ct")).load()) == TEXT.reveal()
    with pytest.raises(StoreError, match="cannot be opened"):
        sealed(path, os.fsdecode(b"corr\xe9ct")).load()


def test_on_a_full_disk_the_old_session_stays(path: Path) -> None:
    """It may be the one copy of a refresh token: whole or not at all, and nothing half written beside it."""
    store = sealed(path)
    store.save(TEXT)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            store.save(Secret("newer"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert revealed(store.load()) == TEXT.reveal()
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, int]]:
    """The files and folders that were made to last, in order, with their sizes then."""
    paths: list[tuple[Path, int]] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        paths.append((Path(f"/proc/self/fd/{descriptor}").readlink(), os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fsync", record)
    return paths


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_after_a_power_cut_the_old_refresh_token_does_not_come_back(path: Path, synced: list[tuple[Path, int]]) -> None:
    """The issuer would take it for theft: first the content is made to last, then its name."""
    sealed(path).save(TEXT)
    (file, size), (folder, _) = synced
    assert size == path.stat().st_size
    assert file.parent == folder == path.parent
    assert file.name.startswith(".session.sealed.")


def test_a_folder_that_cannot_be_made_to_last_is_no_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems cannot do it; the file is there."""
    opened = os.open

    def refuse(name: os.PathLike[str] | str, flags: int, mode: int = 0o777) -> int:
        if Path(name) == path.parent:
            raise OSError(errno.EINVAL, "Invalid argument")
        return opened(name, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    sealed(path).save(TEXT)
    assert revealed(sealed(path).load()) == TEXT.reveal()


def test_where_nothing_can_be_locked_nobody_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOLCK, as from a file system of a network: no other process holds the lock, and none will let it go."""

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    chest = KeychainStore(
        issuer="https://id.example", client_id="c", backend=SECRET_SERVICE, folder=path.parent / "state"
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    for store in (sealed(path), chest):
        with pytest.raises(StoreError, match=rf"cannot be locked \({os.strerror(errno.ENOLCK)}\)"):
            store.try_lock()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    "chosen", ["nowhere.Keyring", "keyring.backends.fail.Nothing", "keyring.backends.macOS.Keyring"]
)
def test_a_keychain_that_is_set_up_wrongly_is_told(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PYTHON_KEYRING_BACKEND names what is not there, or not on this system: each fails in its own way."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", chosen)
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)
    with pytest.raises(StoreError, match="the keychain cannot be found") as caught:
        KeychainStore(issuer="https://id.example", client_id="c", folder=tmp_path / "state")
    assert "--store file" in caught.value.hint
