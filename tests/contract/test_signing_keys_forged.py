"""Who can write to the database, and has not the server's secret, makes no API believe a key (docs/decisions/0017)."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pytest
import sqlalchemy as sa

from jotary.jose import Key, jwt
from jotary.oauth.secret import Secret
from jotary.server.keyring import Keyring, SealError, make_keyring, make_rotation, make_sealer
from jotary.server.keyring.addition import RotationRefusedError
from jotary.server.keyring.external import Reference
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings
from jotary.server.store import Store
from jotary.server.store.backends import backend
from jotary.server.store.rows import SIGNING_KEYS
from jotary.server.store.schema import signing_keys

pytestmark = pytest.mark.anyio

START: Final = 1_800_000_000
SETTINGS: Final = Settings(secret=Secret("the secret of the server of these tests"))
STATES: Final[dict[str, dict[str, int | None]]] = {
    "announced": {"signing_from": START + 10_000},
    "signing": {"signing_from": START},
    "retiring": {"retiring_from": START - 1, "gone_from": START + 10_000},
    "endless": {"signing_from": 0, "announced_at": 0, "gone_from": 2**62},
}


class Scene:
    """A database, servers on it, and somebody who can write to it."""

    def __init__(self, store: Store, url: str) -> None:
        self.store = store
        self.url = url
        self.now = START

    async def start(self, settings: Settings = SETTINGS) -> Keyring:
        """The keys of a server that has just started."""
        keyring = make_keyring(settings, self.store, clock=lambda: self.now, entropy=secrets.token_bytes)
        await keyring.refresh()
        return keyring

    async def rotate(self, settings: Settings = SETTINGS, *, compromised: bool = False) -> None:
        """What the command does."""
        rotation = make_rotation(settings, self.store, entropy=secrets.token_bytes)
        await rotation.rotate(self.now, compromised=compromised)

    async def execute(self, statement: sa.Executable, *values: dict[str, Any]) -> None:
        """Write behind everybody's back."""

        def run(connection: sa.Connection) -> None:
            connection.execute(statement, *([list(values)] if values else []))

        await asyncio.to_thread(backend(self.url).change_schema, self.url, run)

    async def insert(self, *keys: SigningKey) -> None:
        """Rows as they are."""
        await self.execute(signing_keys.insert(), *(SIGNING_KEYS.values(key) for key in keys))

    async def set(self, kid: str | None, **columns: object) -> None:
        """Some columns of one row."""
        await self.execute(signing_keys.update().where(signing_keys.c.id == kid).values(columns))

    async def drop(self, kid: str | None) -> None:
        """One row."""
        await self.execute(signing_keys.delete().where(signing_keys.c.id == kid))

    async def row(self, kid: str | None) -> SigningKey:
        """As it lies there."""
        (found,) = (key for key in await self.store.signing_keys() if key.id == kid)
        return found

    async def events(self, kind: str) -> list[str]:
        """The keys that events of this kind are about."""
        return [event.detail["kid"] for event in await self.store.events() if event.kind == kind]


@pytest.fixture
async def scene(anyio_backend: str, empty_store: Store, database_url: str) -> Scene:
    """A database on which no server was."""
    return Scene(empty_store, database_url)


def kids(keyring: Keyring) -> list[str | None]:
    """What is published."""
    return [key.kid for key in keyring.public_keys()]


def forged(state: str, like: SigningKey, **changed: Any) -> SigningKey:
    """The attacker's own key, as far as they can make its row from another one."""
    public = Key.generate("ES256").public()
    made = msgspec.structs.replace(like, id=public.kid, public_jwk=public.to_jwk(), **STATES[state])
    return msgspec.structs.replace(made, **changed)


async def is_refused(scene: Scene, keyring: Keyring, kid: str | None) -> None:
    """Neither a server that runs nor one that starts publishes it, and both go on with what is good."""
    await keyring.refresh()
    for server in (keyring, await scene.start()):
        assert kid not in kids(server)
        assert kid not in [record.id for record in server.records]
        assert await server.sign({}, typ="at+jwt")
        assert list(server.tampered) == [kid]
    assert await scene.events("key.tampered") == [kid]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("stamp", ["none", "empty", "of another row", "of another secret"])
async def test_a_row_that_somebody_made_is_never_published(scene: Scene, state: str, stamp: str) -> None:
    """In no state of its life, whatever stands where the stamp should."""
    keyring = await scene.start()
    like = await scene.row(kids(keyring)[0])
    row = forged(state, like, sealed_private_key=b"")
    made = {
        "none": b"",
        "empty": b"\x02" + bytes(28),
        "of another row": like.stamp,
        "of another secret": make_sealer(Settings(secret=Secret("x" * 40))).stamp(b"", nonce=bytes(12)),
    }[stamp]
    await scene.insert(msgspec.structs.replace(row, stamp=made))

    await is_refused(scene, keyring, row.id)


@pytest.mark.parametrize("state", ["announced", "signing", "retiring", "destroyed"])
async def test_the_public_half_of_a_genuine_row_cannot_be_replaced(scene: Scene, state: str) -> None:
    """In no state of its life."""
    keyring = await scene.start()
    (first,) = kids(keyring)
    await scene.rotate()
    scene.now += {"announced": 0, "signing": 400, "retiring": 340, "destroyed": 400}[state]
    await keyring.refresh()
    (second,) = set(kids(keyring)) - {first}
    kid = second if state in {"announced", "signing"} else first
    assert bool((await scene.row(kid)).sealed_private_key) == (state != "destroyed")
    public = msgspec.json.encode({**Key.generate("ES256").public().to_jwk(), "kid": kid}).decode()
    await scene.set(kid, public_jwk=public)

    await is_refused(scene, keyring, kid)


@pytest.mark.parametrize(
    "column", ["algorithm", "announced_at", "signing_from", "retiring_from", "gone_from", "public_jwk", "stamp"]
)
async def test_every_column_is_stamped(scene: Scene, column: str) -> None:
    """The times, too: who could set them would choose who signs and who is gone."""
    keyring = await scene.start()
    await scene.rotate()
    await keyring.refresh()
    (announced,) = [record.id for record in keyring.records if record.signing_from > START]
    value = {"algorithm": "RS256", "public_jwk": "not JSON", "stamp": b""}.get(column, START + 100_000)
    await scene.set(announced, **{column: value})

    await is_refused(scene, keyring, announced)


@pytest.mark.parametrize("size", [0, 1, 13, 28, -1])
async def test_a_private_half_that_was_cut_is_not_signed_with(scene: Scene, size: int) -> None:
    """The server does not wait for it: the other key, which is about to retire, goes on."""
    keyring = await scene.start()
    await scene.rotate()
    await keyring.refresh()
    (announced,) = [record.id for record in keyring.records if record.signing_from > START]
    sealed = (await scene.row(announced)).sealed_private_key
    await scene.set(announced, sealed_private_key=sealed[:size])

    await is_refused(scene, keyring, announced)


@pytest.mark.parametrize("columns", [["public_jwk"], ["sealed_private_key"], ["stamp"], ["public_jwk", "stamp"]])
async def test_two_rows_cannot_swap_their_columns(scene: Scene, columns: list[str]) -> None:
    """Each is genuine where it was. With all rows changed nothing is believed, and nothing made in their place."""
    keyring = await scene.start()
    await scene.rotate()
    await keyring.refresh()
    one, two = (SIGNING_KEYS.values(key) for key in await scene.store.signing_keys())
    await scene.set(one["id"], **{column: two[column] for column in columns})
    await scene.set(two["id"], **{column: one[column] for column in columns})

    with pytest.raises(SealError, match="not as this server's secret stamped it"):
        await keyring.refresh()
    assert kids(keyring) == []
    with pytest.raises(Unavailable):
        await keyring.sign({}, typ="at+jwt")
    with pytest.raises(SealError):
        await scene.start()
    for kind in ("key.announced", "key.tampered"):
        assert sorted(await scene.events(kind)) == sorted([one["id"], two["id"]])


async def test_a_wrong_secret_is_said_and_no_alarm(scene: Scene) -> None:
    """At a start nobody knows which of the two is wrong: nothing is written, and nothing replaced."""
    (kid,) = kids(await scene.start())
    wrong = Settings(secret=Secret("another secret, that stamped nothing here"))
    for work in (scene.start(wrong), scene.rotate(wrong)):
        with pytest.raises(SealError, match="accepted_secrets"):
            await work
    assert await scene.events("key.tampered") == []
    assert [key.id for key in await scene.store.signing_keys()] == [kid]
    both = msgspec.structs.replace(wrong, accepted_secrets=(SETTINGS.secret,))
    assert kids(await scene.start(both)) == [kid]


async def test_nothing_is_decided_by_a_forged_row(scene: Scene) -> None:
    """One that pretends to sign next would otherwise retire the key that signs."""
    keyring = await scene.start()
    (kid,) = kids(keyring)
    await scene.insert(forged("announced", await scene.row(kid)), forged("endless", await scene.row(kid)))

    scene.now += 20_000
    await keyring.refresh()

    assert kids(keyring) == [kid]
    assert (await scene.row(kid)).retiring_from is None


async def test_if_the_only_key_is_spoilt_beside_an_ended_one_a_new_one_signs_at_once(scene: Scene) -> None:
    """And its place was not taken by the key that it replaces."""
    keyring = await scene.start()
    await scene.rotate(compromised=True)
    await keyring.refresh()
    (spoilt,) = kids(keyring)
    await scene.set(spoilt, stamp=b"spoilt")

    await keyring.refresh()

    (kid,) = kids(keyring)
    assert kid != spoilt
    assert await keyring.sign({}, typ="at+jwt")


async def test_if_the_successor_is_spoilt_the_next_one_is_announced_before_it_signs(scene: Scene) -> None:
    """APIs that keep the key set for as long as they may would refuse what a key signs that they have not seen."""
    keyring = await scene.start()
    (first,) = kids(keyring)
    await scene.rotate()
    await keyring.refresh()
    (spoilt,) = set(kids(keyring)) - {first}
    await scene.set(spoilt, stamp=b"spoilt")
    scene.now += 30
    await keyring.refresh()

    (end,) = {record.retiring_from for record in keyring.records} - {None}
    (third,) = [record for record in keyring.records if record.id != first]
    assert third.signing_from == end
    for scene.now, signer in ((START + 30, first), (end - 1, first), (end, third.id)):
        await keyring.refresh()
        token = await keyring.sign({}, typ="at+jwt")
        assert jwt.verify(token, keyring.public_keys(), algorithms={"ES256"}, typ="at+jwt").header["kid"] == signer


async def test_a_withdrawn_key_cannot_be_put_back(scene: Scene) -> None:
    """Neither by its times, nor by the whole row as it was: a server that runs has seen its end."""
    keyring = await scene.start()
    before = await scene.row(kids(keyring)[0])
    await scene.rotate(compromised=True)
    await keyring.refresh()
    await scene.set(before.id, retiring_from=None, gone_from=None)
    await is_refused(scene, keyring, before.id)

    await scene.drop(before.id)
    await scene.insert(before)
    await keyring.refresh()

    assert before.id not in kids(keyring)
    assert list(keyring.tampered) == [before.id]


async def test_a_key_whose_end_is_decided_keeps_it(scene: Scene) -> None:
    """The row of before the rotation has a stamp that holds; put back, it would live for another 90 days."""
    keyring = await scene.start()
    before = await scene.row(kids(keyring)[0])
    await scene.rotate()
    await keyring.refresh()
    retiring = await scene.row(before.id)
    await scene.set(before.id, retiring_from=None, gone_from=None, stamp=before.stamp)
    await keyring.refresh()
    assert before.id not in kids(keyring)

    await scene.set(before.id, **{name: getattr(retiring, name) for name in ("retiring_from", "gone_from", "stamp")})
    await keyring.refresh()
    assert before.id not in kids(keyring)  # what was changed once is not believed again


@pytest.mark.parametrize("how", ["away", "said to be gone"])
async def test_a_key_that_hides_from_an_emergency_does_not_survive_it(scene: Scene, how: str) -> None:
    """Away or said to be gone while all keys are withdrawn, and then put back as it was."""
    keyring = await scene.start()
    before = await scene.row(kids(keyring)[0])
    if how == "away":
        await scene.drop(before.id)
        await scene.store.purge(START + 10 * 86_400)  # the place of the first key is free again
    else:
        await scene.set(before.id, retiring_from=1, gone_from=1)
    await keyring.refresh()
    await scene.rotate(compromised=True)
    cut_off = {entry.value for entry in await scene.store.revocations(now=scene.now)}
    assert (before.id in cut_off) == (how != "away")  # nobody has proved that it was gone
    await keyring.refresh()

    await scene.drop(before.id)
    await scene.insert(before)
    await keyring.refresh()

    assert before.id not in kids(keyring)


async def test_an_emergency_mends_what_was_forged(scene: Scene) -> None:
    """The forged key is named by the feed, too: who wrote the row may have brought it to an API in another way."""
    keyring = await scene.start()
    (kid,) = kids(keyring)
    row = forged("announced", await scene.row(kid))
    await scene.insert(row)
    await scene.set(row.id, public_jwk='{"a":' * 10_000)

    await scene.rotate(compromised=True)
    await keyring.refresh()

    assert list(keyring.tampered) == []
    assert len(kids(keyring)) == 1
    assert {entry.value for entry in await scene.store.revocations(now=scene.now)} == {kid, row.id}


async def test_a_forged_row_does_not_stand_in_the_way_of_a_key_of_an_hsm(scene: Scene) -> None:
    """It is announced for nobody; but a name that stands there is taken, as the row would be."""
    settings = msgspec.structs.replace(SETTINGS, signing_keys="external")
    rotation = make_rotation(settings, scene.store, entropy=secrets.token_bytes)
    first, second = (Key.generate("ES256").public() for _ in range(2))
    await rotation.add(START, Reference("pkcs11", "one"), first)
    row = forged("announced", await scene.row(first.kid))
    await scene.insert(row)

    with pytest.raises(RotationRefusedError, match="added before"):
        await rotation.add(START, Reference("pkcs11", "two"), Key.from_jwk(row.public_jwk))
    await rotation.add(START, Reference("pkcs11", "two"), second)

    assert set(kids(await scene.start(settings))) == {first.kid, second.kid}


async def test_the_public_half_of_an_external_key_cannot_be_replaced(scene: Scene) -> None:
    """Its private half is not sealed here; the stamp does not ask."""
    settings = msgspec.structs.replace(SETTINGS, signing_keys="external")
    rotation = make_rotation(settings, scene.store, entropy=secrets.token_bytes)
    keys = [Key.generate("ES256").public() for _ in range(2)]
    for number, key in enumerate(keys):
        await rotation.add(START, Reference("pkcs11", str(number)), key)
    keyring = await scene.start(settings)
    public = msgspec.json.encode({**Key.generate("ES256").public().to_jwk(), "kid": keys[1].kid}).decode()
    await scene.set(keys[1].kid, public_jwk=public)

    for server in (keyring, await scene.start(settings)):
        await server.refresh()
        assert kids(server) == [keys[0].kid]


async def test_the_same_alarm_is_raised_once_by_all_servers(scene: Scene) -> None:
    """However often they look; another change is another alarm."""
    servers = [await scene.start() for _ in range(3)]
    row = forged("signing", await scene.row(kids(servers[0])[0]))
    await scene.insert(row)
    for _ in range(3):
        await asyncio.gather(*(server.refresh() for server in servers))
    assert await scene.events("key.tampered") == [row.id]
    await scene.set(row.id, signing_from=1)
    await servers[0].refresh()
    assert await scene.events("key.tampered") == [row.id, row.id]


class _HeldAnswer:
    """A store of which one answer arrives late."""

    def __init__(self, store: Store) -> None:
        self.commit = store.commit
        self._store = store
        self.is_read, self.may_arrive = asyncio.Event(), asyncio.Event()
        self.may_arrive.set()

    async def signing_keys(self) -> Sequence[SigningKey]:
        """As they are, or were."""
        answer, is_held = await self._store.signing_keys(), not self.may_arrive.is_set() and not self.is_read.is_set()
        if is_held:
            self.is_read.set()
            await self.may_arrive.wait()
        return answer


async def test_answers_that_arrive_in_the_wrong_order_accuse_nobody(scene: Scene) -> None:
    """A step of the schedule must not look as if somebody had undone it."""
    held = _HeldAnswer(scene.store)
    keyring = make_keyring(SETTINGS, held, clock=lambda: scene.now, entropy=secrets.token_bytes)
    await keyring.refresh()
    held.may_arrive.clear()
    first = asyncio.create_task(keyring.refresh())
    await held.is_read.wait()
    await scene.rotate()
    second = asyncio.create_task(keyring.refresh())
    await asyncio.wait({second}, timeout=0.2)  # the chance to be faster
    held.may_arrive.set()
    await asyncio.gather(first, second)

    assert list(keyring.tampered) == []
    assert len(kids(keyring)) == 2
