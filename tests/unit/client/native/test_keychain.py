"""What a keychain is asked to keep, under which name, beside which lock (design §6.6)."""

from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import Windows

from jotary.client.native import KeychainStore, StoreError
from jotary.oauth.secret import Secret


class Chest(KeyringBackend):
    """Keeps texts in memory, as a plug-in of keyring would; and fails as it is told."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.failure: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        """What was kept under these names."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        if self.failure:
            raise self.failure
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget it; it is an error that there is none."""
        if self.failure:
            raise self.failure
        del self.kept[service, username]


class WindowsChest(Chest):
    """As keyring's own for Windows is told from others: by its module."""

    __module__ = Windows.__name__


def store(chest: KeyringBackend, folder: Path, issuer: str = "https://id.example", client: str = "c") -> KeychainStore:
    """A store in this backend."""
    return KeychainStore(issuer=issuer, client_id=client, backend=chest, folder=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two folders deep, and not there yet."""
    return tmp_path / "state" / "jotary"


def test_each_client_at_each_issuer_has_its_own_entry_and_lock(folder: Path) -> None:
    """No client reads another one's tokens, nor waits for it."""
    chest = Chest()
    places = [("https://a.example", "one"), ("https://a.example", "two"), ("https://b.example", "one")]
    stores = [store(chest, folder, *place) for place in places]
    locks = []
    for place, each in zip(places, stores, strict=True):
        assert each.load() is None
        each.save(Secret("/".join(place)))
        locks.append(each.try_lock())
    assert all(locks)
    assert [each.load().reveal() for each in stores if (each.load())] == ["/".join(place) for place in places]  # type: ignore[union-attr]  # it is there
    assert set(chest.kept) == {(f"jotary {issuer}", client) for issuer, client in places}
    for lock in locks:
        assert lock is not None
        lock.release()


def test_the_lock_lies_in_a_folder_of_this_person_alone(folder: Path) -> None:
    """Somebody else who held it would keep them from their own session."""
    assert store(Chest(), folder).try_lock() is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    (lock,) = folder.iterdir()
    assert lock.stat().st_mode & 0o777 == 0o600
    folder.chmod(0o777)
    with pytest.raises(StoreError, match="written by others"):
        store(Chest(), folder)


def test_a_lock_that_cannot_be_opened_says_what_to_do(folder: Path) -> None:
    """Here: a folder stands in its place."""
    made = store(Chest(), folder)
    made._lock.mkdir()
    with pytest.raises(StoreError, match="cannot be locked"):
        made.try_lock()


def test_what_is_not_there_is_gone_already(folder: Path) -> None:
    """Backends raise then, and each its own error."""
    made = store(Chest(), folder)
    made.delete()
    made.save(Secret("x"))
    made.delete()
    assert made.load() is None


def test_a_backend_that_fails_is_told_without_what_it_says(folder: Path) -> None:
    """Its text may quote what it was to keep."""
    chest = Chest()
    made = store(chest, folder)
    made.save(Secret("x"))
    chest.failure = ValueError("cannot keep jrt_secret")
    for call in (made.delete, lambda: made.save(Secret("jrt_secret"))):
        with pytest.raises(StoreError, match=r"the keychain cannot be \w+ \(ValueError\)") as caught:
            call()
        assert "jrt_secret" not in str(caught.value)


def test_only_windows_has_a_bound(folder: Path) -> None:
    """CRED_MAX_CREDENTIAL_BLOB_SIZE: 2,560 bytes of UTF-16."""
    assert store(Chest(), folder).max_length is None
    assert store(WindowsChest(), folder).max_length == 2_560 // 2
