"""The keys of a database from before stamps: believed once, by what was sealed, and never again (decision 17)."""

import asyncio
import secrets
from functools import partial
from typing import Any, Final

import msgspec
import pytest
import sqlalchemy as sa

from jotary.jose import Key, strict_json
from jotary.oauth.secret import Secret
from jotary.server.keyring import SealError, make_enrolment, make_keyring, make_sealer
from jotary.server.keyring.external import Reference, encode_reference
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings
from jotary.server.store import migrations, open_store
from jotary.server.store.backends import backend

NOW: Final = 1_800_000_000
SETTINGS: Final = Settings(secret=Secret("the secret of the server of these tests"))
ENROL: Final = make_enrolment(SETTINGS, entropy=secrets.token_bytes)
COLUMNS: Final = (
    "id",
    "algorithm",
    "public_jwk",
    "sealed_private_key",
    "announced_at",
    "signing_from",
    "retiring_from",
    "gone_from",
)


def old_row(key: Key, *, is_external: bool = False, **changed: Any) -> dict[str, Any]:
    """As an earlier version wrote it."""
    kid = key.kid or ""
    private = encode_reference(Reference("pkcs11", "k")) if is_external else strict_json.dumps(key.to_jwk(private=True))
    return {
        "id": kid,
        "algorithm": "ES256",
        "public_jwk": msgspec.json.encode(key.public().to_jwk()).decode(),
        "sealed_private_key": make_sealer(SETTINGS).seal(private, kid=kid, nonce=secrets.token_bytes(12)),
        "announced_at": NOW,
        "signing_from": NOW,
        "retiring_from": None,
        "gone_from": None,
        **changed,
    }


def write(url: str, *rows: dict[str, Any]) -> None:
    """Insert rows in the columns of an earlier version."""
    table = sa.table("signing_keys", *(sa.column(name) for name in COLUMNS))

    def run(connection: sa.Connection) -> None:
        connection.execute(table.insert(), list(rows))

    backend(url).change_schema(url, run)


@pytest.fixture
def old_url(new_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of the version before stamps."""
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "HEAD", "0004")
        migrations.upgrade(new_database_url)
    return new_database_url


def published(url: str) -> list[str | None]:
    """What a server publishes that starts on it."""
    return started(url)[0]


def started(url: str) -> tuple[list[str | None], list[str]]:
    """The same, and the rows for which it raises an alarm."""

    async def start() -> tuple[list[str | None], list[str]]:
        store = await open_store(url, enrol=ENROL)
        try:
            keyring = make_keyring(SETTINGS, store, clock=lambda: NOW, entropy=secrets.token_bytes)
            await keyring.refresh()
            return [key.kid for key in keyring.public_keys()], list(keyring.tampered)
        finally:
            await store.close()

    return asyncio.run(start())


def test_the_keys_of_an_earlier_version_go_on(old_url: str) -> None:
    """Announced, signing and about to retire; sealed, or held by an HSM."""
    keys = [Key.generate("ES256") for _ in range(4)]
    write(
        old_url,
        old_row(keys[0], retiring_from=NOW + 100, gone_from=NOW + 200),
        old_row(keys[1], is_external=True),
        old_row(keys[2], signing_from=NOW + 100),
        old_row(keys[3], signing_from=1, retiring_from=1, gone_from=2),
    )
    assert sorted(map(str, published(old_url))) == sorted(str(key.kid) for key in keys[:3])
    assert sorted(map(str, published(old_url))) == sorted(str(key.kid) for key in keys[:3])


def test_one_that_nothing_sealed_is_gone_with_the_upgrade(old_url: str) -> None:
    """A retiring key without its private half could be anybody's: clients refresh a few minutes early."""
    signing, retiring = Key.generate("ES256"), Key.generate("ES256")
    row = old_row(retiring, sealed_private_key=b"", signing_from=1, retiring_from=NOW - 60, gone_from=NOW + 600)
    write(old_url, old_row(signing), row)
    assert started(old_url) == ([signing.kid], [])


def test_what_was_forged_before_the_upgrade_is_not_believed_by_it(old_url: str) -> None:
    """Another public half under the name of a key, or under its own with the private half of a key."""
    signing, spoilt, forged = (Key.generate("ES256") for _ in range(3))
    public = msgspec.json.encode({**forged.public().to_jwk(), "kid": spoilt.kid}).decode()
    sealed = old_row(signing)["sealed_private_key"]
    end: dict[str, Any] = {"retiring_from": NOW + 1, "gone_from": NOW + 600}
    write(
        old_url,
        old_row(signing),
        old_row(spoilt, public_jwk=public),
        old_row(forged, sealed_private_key=sealed, **end),
        old_row(Key.generate("ES256"), public_jwk='{"a":' * 10_000, **end),
        old_row(Key.generate("ES256"), public_jwk="no JSON", **end),
    )
    assert published(old_url) == [signing.kid]


def test_with_the_wrong_secret_nothing_is_upgraded(old_url: str) -> None:
    """Or the keys would be lost to a typing error."""
    signing = Key.generate("ES256")
    write(old_url, old_row(signing))
    wrong = make_enrolment(Settings(secret=Secret("x" * 40)), entropy=secrets.token_bytes)
    with pytest.raises(SealError, match="secret changed"):
        migrations.upgrade(old_url, enrol=wrong)
    with pytest.raises(Unavailable, match="jotary db upgrade"):
        migrations.upgrade(old_url)
    assert migrations.current(old_url) == "0004"
    assert published(old_url) == [signing.kid]


def test_an_accepted_secret_upgrades_too(old_url: str) -> None:
    """In the middle of a replacement."""
    write(old_url, old_row(Key.generate("ES256")))
    settings = Settings(secret=Secret("x" * 40), accepted_secrets=(SETTINGS.secret,))
    migrations.upgrade(old_url, enrol=make_enrolment(settings, entropy=secrets.token_bytes))
    assert migrations.check(old_url)


def test_after_the_upgrade_an_old_row_is_refused(old_url: str) -> None:
    """Whether its stamp was taken away, or an earlier version that still runs would add it."""
    signing = Key.generate("ES256")
    write(old_url, old_row(signing))
    published(old_url)
    write_late = partial(write, old_url, old_row(Key.generate("ES256")))
    with pytest.raises(Unavailable, match=r"(?i)not.null"):
        write_late()

    def take_stamps(connection: sa.Connection) -> None:
        connection.execute(sa.text("UPDATE signing_keys SET stamp = :none").bindparams(none=b""))

    backend(old_url).change_schema(old_url, take_stamps)
    with pytest.raises(SealError, match="not as this server's secret stamped it"):
        published(old_url)


def test_the_revision_cannot_be_set_back_by_rows_alone(old_url: str) -> None:
    """The column is there: the upgrade fails, and the server does not start."""
    write(old_url, old_row(Key.generate("ES256")))
    published(old_url)

    def set_back(connection: sa.Connection) -> None:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0004'"))

    backend(old_url).change_schema(old_url, set_back)
    with pytest.raises(Unavailable):
        published(old_url)
