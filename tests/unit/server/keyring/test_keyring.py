"""The signing keys of a process, over a real database (design §6.2)."""

import asyncio
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jotary.jose import JOSEError, base64url, jwt
from jotary.oauth.secret import Secret
from jotary.server.keyring import RELOAD_INTERVAL, Keyring, Rotation, Rules, Sealer, SealError, derive_key
from jotary.server.keyring.rotation import KeyStore
from jotary.server.keyring.schedule import ROTATION_INTERVAL
from jotary.server.keyring.stamp import stamped
from jotary.server.model.changes import Change, ReplaceSigningKey
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Unavailable
from jotary.server.store import Store, open_store
from jotary.server.telemetry.key_care import renew

START = 1_800_000_000
SECRET = Secret("the secret that seals the keys of these tests")
CLAIMS = {"iss": "https://id.example.com", "sub": "somebody"}


def entropy(size: int) -> bytes:
    """The `Entropy` port."""
    return secrets.token_bytes(size)


class Machine:
    """One database, any number of processes, and their clock."""

    def __init__(self, runner: asyncio.Runner, path: Path) -> None:
        self.run = runner.run
        self.path = path
        self.now = START
        self.stores: list[Store] = []

    def rotation(self, secret: Secret = SECRET, algorithm: str = "ES256", store: KeyStore | None = None) -> Rotation:
        """The rotation of a process, with a connection of its own unless it brings one."""
        if store is None:
            self.stores.append(store := self.run(open_store(f"sqlite:///{self.path}")))
        sealer = Sealer(derive_key(secret, "seal"))
        rules = Rules.of(algorithm=algorithm, jwks_max_age=300, token_lifetime=300, leeway=5)
        return Rotation(store=store, sealer=sealer, rules=rules, entropy=entropy)

    def keyring(self, secret: Secret = SECRET, algorithm: str = "ES256") -> Keyring:
        """The keyring of a process that has not read its keys yet."""
        sealer = Sealer(derive_key(secret, "seal"))
        return Keyring(rotation=self.rotation(secret, algorithm), sealer=sealer, clock=lambda: self.now)

    def start(self, secret: Secret = SECRET, algorithm: str = "ES256") -> Keyring:
        """The keyring of a process that is ready."""
        keyring = self.keyring(secret, algorithm)
        self.run(keyring.refresh())
        return keyring

    def sign(self, keyring: Keyring, **named: Any) -> str:
        """A token."""
        return self.run(keyring.sign(CLAIMS, typ="at+jwt", **named))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the file holds."""
        with sqlite3.connect(self.path) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine with an empty database."""
    with asyncio.Runner() as runner:
        made = Machine(runner, tmp_path / "jotary.db")
        yield made
        for store in made.stores:
            runner.run(store.close())


def verify(token: str, keyring: Keyring) -> dict[str, Any]:
    """The header of a token that the published keys verify."""
    return jwt.verify(token, keyring.public_keys(), algorithms={"ES256", "RS256", "EdDSA"}, typ="at+jwt").header


def kids(keyring: Keyring) -> list[str | None]:
    """The names of the published keys."""
    return [key.kid for key in keyring.public_keys()]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_the_first_start_makes_a_key_that_signs_at_once(machine: Machine, algorithm: str) -> None:
    """Whatever the operator has set."""
    keyring = machine.start(algorithm=algorithm)

    header = verify(machine.sign(keyring), keyring)

    assert header == {"alg": algorithm, "kid": kids(keyring)[0], "typ": "at+jwt"}


def test_a_restart_signs_with_the_same_key(machine: Machine) -> None:
    """What was issued before is good afterwards, and the other way round."""
    before, after = machine.start(), machine.start()

    assert kids(before) == kids(after)
    assert verify(machine.sign(before), after)
    assert verify(machine.sign(after), before)


def test_processes_that_start_at_once_end_with_one_key(machine: Machine) -> None:
    """Each has a connection of its own, none knows of the others, and none signs with a key that another lacks."""
    keyrings = [machine.keyring() for _ in range(8)]

    async def start_all() -> None:
        await asyncio.gather(*(keyring.refresh() for keyring in keyrings))

    machine.run(start_all())

    assert len({tuple(kids(keyring)) for keyring in keyrings}) == 1
    assert len(kids(keyrings[0])) == 1
    assert machine.rows("SELECT count(*) FROM signing_keys") == [(1,)]
    assert machine.rows("SELECT kind FROM events") == [("key.announced",)]


def test_processes_that_rotate_at_once_make_one_successor(machine: Machine) -> None:
    """Also when the schedule makes all of them do it in the same second."""
    keyrings = [machine.start() for _ in range(4)]
    machine.now += ROTATION_INTERVAL

    async def refresh_all() -> None:
        await asyncio.gather(*(keyring.refresh() for keyring in keyrings))

    machine.run(refresh_all())

    assert len({tuple(kids(keyring)) for keyring in keyrings}) == 1
    assert len(kids(keyrings[0])) == 2


def test_keys_can_follow_each_other_within_a_second(machine: Machine) -> None:
    """Nothing depends on which of two keys of the same second has the greater name."""
    rotation = machine.rotation()
    for count in range(1, 9):
        machine.run(rotation.rotate(machine.now, compromised=True))
        assert machine.rows("SELECT count(*) FROM signing_keys") == [(count,)]

    keyring = machine.start()
    assert verify(machine.sign(keyring), keyring)


def test_a_place_has_the_same_name_for_everybody(machine: Machine) -> None:
    """By the names of all keys in their own order, as earlier versions have it, which may run beside this one."""
    rotation = machine.rotation()
    for _ in range(7):
        machine.now += 1
        before = sorted(kid for (kid,) in machine.rows("SELECT id FROM signing_keys"))
        machine.run(rotation.rotate(machine.now, compromised=True))
        place = base64url.encode(sha256(" ".join(before).encode()).digest())
        assert (f"signing key beside {place}",) in machine.rows("SELECT jti FROM assertions")


def test_private_keys_are_not_in_the_file(machine: Machine) -> None:
    """A stolen database signs nothing."""
    machine.start()

    ((sealed, public),) = machine.rows("SELECT sealed_private_key, public_jwk FROM signing_keys")

    assert b'"d"' not in sealed
    assert '"d"' not in str(public)
    assert b'"d"' in Sealer(derive_key(SECRET, "seal")).unseal(
        sealed, kid=str(machine.rows("SELECT id FROM signing_keys")[0][0])
    )


def test_another_secret_stops_the_start_with_a_word_about_the_cause(machine: Machine) -> None:
    """Design §4: the operator is told what to look at. Nothing is replaced unasked."""
    machine.start()

    with pytest.raises(SealError, match="secret changed"):
        machine.start(Secret("another secret, that does not open the keys"))
    assert machine.rows("SELECT count(*) FROM signing_keys") == [(1,)]


def test_who_has_lost_the_secret_can_give_up_the_keys(machine: Machine) -> None:
    """The emergency rotation opens nothing."""
    machine.start()
    other = Secret("another secret, that does not open the keys")

    machine.run(machine.rotation(other).rotate(machine.now, compromised=True))

    keyring = machine.start(other)
    assert verify(machine.sign(keyring), keyring)


def test_a_database_that_is_down_does_not_stop_the_signing(machine: Machine) -> None:
    """The keys that are known go on until they retire."""
    keyring = machine.start()
    before = keyring.public_keys()
    machine.run(machine.stores[-1].close())

    with pytest.raises(Unavailable):
        machine.run(keyring.refresh())

    assert verify(machine.sign(keyring), keyring)
    assert keyring.public_keys() is before


def test_without_a_key_nothing_is_signed(machine: Machine) -> None:
    """503 and no token, never an unsigned one."""
    with pytest.raises(Unavailable):
        machine.sign(machine.keyring())
    with pytest.raises(Unavailable):
        machine.sign(machine.start(), algorithm="EdDSA")


def test_a_rotation_in_peace_is_noticed_by_nobody(machine: Machine) -> None:
    """Two processes and a verifier with the oldest key set it may have, second by second around the change."""
    one, two = machine.start(), machine.start()
    machine.run(machine.rotation().rotate(machine.now))
    signers = set()
    cached = two.public_keys()
    for _ in range(60):
        machine.now += RELOAD_INTERVAL // 2
        token = machine.sign(one)
        signers.add(jwt.verify(token, cached, algorithms={"ES256"}, typ="at+jwt").header["kid"])
        machine.run(one.refresh())
        if machine.now % 300 < RELOAD_INTERVAL // 2:  # as often as the key set's `max-age` makes it
            machine.run(two.refresh())
            cached = two.public_keys()
    assert len(signers) == 2
    assert len(kids(one)) == 1  # the old one has retired and is gone


@pytest.mark.parametrize("years", [-3, 1, 3])
def test_a_clock_that_was_wrong_by_years_stops_no_signing(machine: Machine, years: int) -> None:
    """For an hour; then it is set right. Servers that run go on, and so does one that starts."""
    keyring, other = machine.start(), machine.start()
    right = machine.now
    machine.now += years * 365 * 86_400
    for _ in range(120):
        machine.now += RELOAD_INTERVAL
        machine.run(keyring.refresh())
        assert verify(machine.sign(keyring), keyring)
    machine.now = right + 3600
    machine.run(keyring.refresh())
    machine.run(other.refresh())
    for each in (keyring, other, machine.start()):
        assert verify(machine.sign(each), keyring)


def test_after_an_emergency_nothing_of_the_old_keys_is_good(machine: Machine) -> None:
    """Neither published nor used, and the private part is gone from the database."""
    keyring = machine.start()
    (old,) = kids(keyring)
    token = machine.sign(keyring)

    machine.run(machine.rotation().rotate(machine.now, compromised=True))
    machine.run(keyring.refresh())

    assert old not in kids(keyring)
    assert verify(machine.sign(keyring), keyring)["kid"] != old
    with pytest.raises(JOSEError, match="unknown_key"):
        verify(token, keyring)
    assert (old, 0) in machine.rows("SELECT id, length(sealed_private_key) FROM signing_keys")
    ((kind, value, issued_before, expires_at),) = machine.rows(
        "SELECT kind, value, issued_before, expires_at FROM revocations"
    )
    assert (kind, value) == ("kid", old)  # APIs that follow the feed hear of it within a second
    assert issued_before == expires_at >= machine.now + 86_400  # whatever `iat` a thief writes
    (kind, detail), *rest = machine.rows("SELECT kind, detail FROM events ORDER BY position")
    assert (kind, "scheduled" in detail) == ("key.announced", True)
    assert [kind for kind, _ in rest] == ["key.retired", "key.destroyed", "key.announced"]
    assert all("compromised" in detail for _, detail in rest)


def test_an_emergency_holds_at_once_on_servers_whose_clocks_are_behind(machine: Machine) -> None:
    """The command ran on a machine whose clock is two minutes ahead; the thief must not have them."""
    keyring = machine.start()
    (old,) = kids(keyring)

    machine.run(machine.rotation().rotate(machine.now + 120, compromised=True))
    machine.run(keyring.refresh())

    assert old not in kids(keyring)
    assert verify(machine.sign(keyring), keyring)["kid"] != old
    machine.run(machine.rotation().rotate(machine.now, compromised=True))
    machine.run(keyring.refresh())
    assert len(kids(keyring)) == 1


@pytest.mark.parametrize("pause", [1, 300 + RELOAD_INTERVAL])
def test_a_hundred_rotations_by_command_leave_few_keys(machine: Machine, pause: int) -> None:
    """A key set that grows with each of them would be refused by its readers one day."""
    keyring = machine.start()
    for _ in range(100):
        machine.run(machine.rotation(store=machine.stores[0]).rotate(machine.now))
        machine.now += pause
        machine.run(keyring.refresh())
        assert len(kids(keyring)) <= 4
        assert verify(machine.sign(keyring), keyring)


class _SomebodyRotatesFirst:
    """A store in which another process rotates between this one's look at the keys and its commit."""

    def __init__(self, store: Store, other: Callable[[], Awaitable[object]]) -> None:
        self.store = store
        self.other: Callable[[], Awaitable[object]] | None = other

    async def signing_keys(self) -> Sequence[SigningKey]:
        """As they are."""
        return await self.store.signing_keys()

    async def commit(self, *changes: Change) -> None:
        """The other one first."""
        other, self.other = self.other, None
        if other is not None:
            await other()
        await self.store.commit(*changes)


def test_an_emergency_is_carried_out_even_if_another_rotation_is_faster(machine: Machine) -> None:
    """It must never be lost: the keys that the other process has just announced go too."""
    keyring = machine.start()
    (old,) = kids(keyring)
    in_peace = machine.rotation()
    store = _SomebodyRotatesFirst(machine.stores[-1], lambda: in_peace.rotate(machine.now))

    machine.run(machine.rotation(store=store).rotate(machine.now, compromised=True))
    machine.run(keyring.refresh())

    assert len(kids(keyring)) == 1
    assert kids(keyring) != [old]
    assert machine.rows("SELECT count(*) FROM signing_keys") == [(3,)]


def test_a_retiring_key_is_published_though_its_private_part_does_not_open(machine: Machine) -> None:
    """Only what should sign must open: a secret that sealed it and stamped it no more may be forgotten."""
    keyring = machine.start()
    (old,) = kids(keyring)
    machine.run(machine.rotation().rotate(machine.now))
    machine.now += 300 + RELOAD_INTERVAL
    sealer = Sealer(derive_key(SECRET, "seal"))
    (key,) = (key for key in machine.run(machine.stores[-1].signing_keys()) if key.id == old)
    closed = stamped(msgspec.structs.replace(key, sealed_private_key=b"closed"), sealer, entropy)
    machine.run(machine.stores[-1].commit(ReplaceSigningKey(closed, key)))

    restarted = machine.start()

    assert old in kids(restarted)
    assert verify(machine.sign(restarted), restarted)["kid"] != old


def test_the_key_set_stays_the_same_object_until_a_key_comes_or_goes(machine: Machine) -> None:
    """What is made of it, such as documents, can be kept."""
    keyring = machine.start()
    first = keyring.public_keys()
    machine.run(keyring.refresh())
    assert keyring.public_keys() is first

    machine.run(machine.rotation().rotate(machine.now))
    machine.run(keyring.refresh())
    assert keyring.public_keys() is not first


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "logout+jwt"])
def test_every_type_has_its_own_header(machine: Machine, typ: str) -> None:
    """RFC 8725 §3.11; headers are kept, and not mixed up."""
    keyring = machine.start()
    for _ in range(2):
        token = machine.run(keyring.sign(CLAIMS, typ=typ))
        assert jwt.verify(token, keyring.public_keys(), algorithms={"ES256"}, typ=typ).claims == CLAIMS


def test_a_key_that_does_not_open_here_does_not_keep_a_withdrawn_one_in_use(machine: Machine) -> None:
    """The emergency was carried out under a secret that this process does not accept: it stops signing, says so."""
    keyring = machine.start()
    (old,) = kids(keyring)
    other = Secret("another secret, that does not open the keys")
    machine.run(machine.rotation(other).rotate(machine.now, compromised=True))

    with pytest.raises(SealError):
        machine.run(keyring.refresh())
    with pytest.raises(Unavailable, match="accepted_secrets"):  # the feed passes no news on that nobody can sign
        machine.run(renew(keyring))

    assert old not in kids(keyring)
    with pytest.raises(Unavailable):
        machine.sign(keyring)


def test_a_rotation_in_peace_cuts_nothing_off(machine: Machine) -> None:
    """Nobody has the old key."""
    machine.start()
    machine.run(machine.rotation().rotate(machine.now))
    assert machine.rows("SELECT kind FROM revocations") == []
