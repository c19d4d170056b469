"""Replacing the server's secret: the keys are sealed anew, and nothing that was issued is refused (design §6.2)."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jotary.jose import jwt
from jotary.oauth.secret import Secret
from jotary.server.keyring import Keyring, Rotation, Rules, Sealer, SealError, derive_key, derive_keys, reseal
from jotary.server.keyring.seal import NONCE_SIZE
from jotary.server.keyring.stamp import is_genuine, stamped
from jotary.server.model.changes import AddSigningKey, Change
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store

NOW = 1_800_000_000
OLD, NEW = (Secret(f"the {word} secret of the server, long enough") for word in ("old", "new"))
NONCE = bytes(NONCE_SIZE)
RULES = Rules.of(algorithm="ES256", jwks_max_age=300, token_lifetime=300, leeway=5)
ONLY_OLD, ONLY_NEW = (Sealer(derive_key(secret, "seal")) for secret in (OLD, NEW))
BOTH = Sealer(*derive_keys(Settings(secret=NEW, accepted_secrets=(OLD,)), "seal"))


class Database:
    """A database, and what processes with different secrets do with it."""

    def __init__(self, runner: asyncio.Runner, store: Store) -> None:
        self.run = runner.run
        self.store = store

    def rotation(self, sealer: Sealer) -> Rotation:
        """The rotation of a process."""
        return Rotation(store=self.store, sealer=sealer, rules=RULES, entropy=secrets.token_bytes)

    def keyring(self, sealer: Sealer) -> Keyring:
        """The keyring of a process that has just started."""
        keyring = Keyring(rotation=self.rotation(sealer), sealer=sealer, clock=lambda: NOW)
        self.run(keyring.refresh())
        return keyring

    def reseal(self, sealer: Sealer = BOTH, store: Any = None) -> Sequence[SigningKey]:
        """What the command does."""
        return self.run(reseal(store or self.store, sealer, now=NOW, entropy=secrets.token_bytes))

    def signing_keys(self) -> Sequence[SigningKey]:
        """As they lie there."""
        return self.run(self.store.signing_keys())

    def events(self) -> list[str]:
        """The audit trail."""
        return [event.kind for event in self.run(self.store.events())]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """With one key, sealed under the old secret."""
    with asyncio.Runner() as runner:
        store = runner.run(open_store(f"sqlite:///{tmp_path}/jotary.db"))
        made = Database(runner, store)
        made.keyring(ONLY_OLD)
        yield made
        runner.run(store.close())


def test_the_whole_procedure_refuses_nothing(database: Database) -> None:
    """Accept the new one, seal under it, accept the old one, reseal, forget the old one: one key signs all the time."""
    tokens = []
    procedure = [ONLY_OLD, Sealer(derive_key(OLD, "seal"), derive_key(NEW, "seal")), BOTH, ONLY_NEW]
    for sealer in procedure:
        if sealer is ONLY_NEW:
            assert len(database.reseal()) == 1
        keyring = database.keyring(sealer)
        tokens.append(database.run(keyring.sign({"sub": "ada"}, typ="at+jwt")))
        for token in tokens:
            verified = jwt.verify(token, keyring.public_keys(), algorithms={"ES256"}, typ="at+jwt")
            assert verified.claims == {"sub": "ada"}
    assert len(database.signing_keys()) == 1
    with pytest.raises(SealError, match="accepted_secrets"):
        database.keyring(ONLY_OLD)


def test_every_key_is_sealed_anew_and_nothing_else_of_it_changes(database: Database) -> None:
    """Announced, signing and retiring ones; one whose private part is gone has nothing to seal."""
    database.run(database.rotation(ONLY_OLD).rotate(NOW, compromised=True))
    database.run(database.rotation(ONLY_OLD).rotate(NOW))
    before = {key.id: key for key in database.signing_keys()}
    assert sorted(len(key.sealed_private_key) > 0 for key in before.values()) == [False, True, True]

    resealed = database.reseal()

    assert sorted(key.id for key in resealed) == sorted(kid for kid, key in before.items() if key.sealed_private_key)
    assert all(is_genuine(key, ONLY_NEW) for key in resealed)
    for key in database.signing_keys():
        known = before[key.id]
        assert (key.public_jwk, key.signing_from, key.retiring_from, key.gone_from) == (
            known.public_jwk,
            known.signing_from,
            known.retiring_from,
            known.gone_from,
        )
        if known.sealed_private_key:
            assert ONLY_NEW.unseal(key.sealed_private_key, kid=key.id) == ONLY_OLD.unseal(
                known.sealed_private_key, kid=key.id
            )
    assert database.events()[-1] == "key.resealed"


def test_doing_it_again_changes_nothing(database: Database) -> None:
    """So it may be repeated after whatever went wrong."""
    database.reseal()
    once = database.signing_keys(), database.events()

    assert database.reseal() == []

    assert (database.signing_keys(), database.events()) == once


def test_if_one_key_does_not_open_none_is_sealed_anew(database: Database) -> None:
    """One transaction: what to do is said, and nothing is written."""
    (key,) = database.signing_keys()
    closed = msgspec.structs.replace(key, id="z", sealed_private_key=Sealer(bytes(32)).seal(b"", kid="z", nonce=NONCE))
    database.run(database.store.commit(AddSigningKey(stamped(closed, ONLY_OLD, secrets.token_bytes))))
    before = database.signing_keys()

    with pytest.raises(SealError, match="does not open"):
        database.reseal()
    assert database.signing_keys() == before


def test_a_row_that_is_not_genuine_is_never_stamped(database: Database) -> None:
    """Resealed, it would be: so nothing is written before it is withdrawn."""
    (key,) = database.signing_keys()
    forged = msgspec.structs.replace(key, id="forged", sealed_private_key=b"")
    database.run(database.store.commit(AddSigningKey(forged)))

    with pytest.raises(SealError, match="forged is not as this server's secret stamped it"):
        database.reseal()

    assert [known.stamp for known in database.signing_keys()] == [key.stamp, key.stamp]
    assert "key.resealed" not in database.events()


def test_a_key_without_a_private_part_is_stamped_anew(database: Database) -> None:
    """It is published until its last token has expired, by servers that know the new secret only, too."""
    database.run(database.rotation(ONLY_OLD).rotate(NOW))
    later = NOW + RULES.announcement + 60
    database.run(database.rotation(ONLY_OLD).keep_schedule(later))
    database.run(reseal(database.store, BOTH, now=later, entropy=secrets.token_bytes))

    keys = database.signing_keys()
    assert sorted(bool(key.sealed_private_key) for key in keys) == [False, True]
    assert all(is_genuine(key, ONLY_NEW) for key in keys)


class _SomebodyIsFaster:
    """A store in which another process changes the keys between the look at them and the commit."""

    def __init__(self, store: Store, other: Callable[[], Awaitable[object]], times: int = 1) -> None:
        self.store = store
        self.other = other
        self.times = times

    async def signing_keys(self) -> Sequence[SigningKey]:
        """As they are."""
        return await self.store.signing_keys()

    async def commit(self, *changes: Change) -> None:
        """The other one first."""
        if self.times:
            self.times -= 1
            await self.other()
        await self.store.commit(*changes)


def test_a_key_that_is_withdrawn_meanwhile_does_not_come_back(database: Database) -> None:
    """The emergency wins: its private part stays destroyed."""
    (old,) = database.signing_keys()
    emergency = database.rotation(ONLY_OLD)

    resealed = database.reseal(store=_SomebodyIsFaster(database.store, lambda: emergency.rotate(NOW, compromised=True)))

    after = {key.id: key for key in database.signing_keys()}
    assert (after[old.id].sealed_private_key, after[old.id].gone_from) == (b"", NOW)
    assert [key.id for key in resealed] == [kid for kid in after if kid != old.id]


def test_keys_that_never_stand_still_are_said_to_be_unavailable(database: Database) -> None:
    """Never a false success."""
    emergency = database.rotation(ONLY_OLD)
    store = _SomebodyIsFaster(database.store, lambda: emergency.rotate(NOW, compromised=True), times=99)

    with pytest.raises(Unavailable, match="keep changing"):
        database.reseal(store=store)


def test_a_step_of_the_schedule_never_brings_a_withdrawn_key_back(database: Database) -> None:
    """A process decided on a retirement before the emergency, and writes after it."""
    (old,) = database.signing_keys()
    emergency = database.rotation(ONLY_OLD)
    database.run(emergency.rotate(NOW))
    later = NOW + RULES.announcement + 60  # the first key's private part is due to be destroyed
    slow = _SomebodyIsFaster(database.store, lambda: emergency.rotate(later, compromised=True))
    process = Rotation(store=slow, sealer=ONLY_OLD, rules=RULES, entropy=secrets.token_bytes)

    database.run(process.keep_schedule(later))

    after = {key.id: key for key in database.signing_keys()}
    assert after[old.id].gone_from == later
