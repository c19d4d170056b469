"""Asking an HSM or a KMS: beside the event loop, within bounds, and never with a false success."""

import asyncio
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from jotary.jose import Key, jws
from jotary.server.keyring import Keyring, Rotation, Rules, Sealer
from jotary.server.keyring.external import (
    Custodians,
    NoSuchKeyError,
    Reference,
    as_signing_key,
    encode_reference,
    read_reference,
)
from jotary.server.ports import Unavailable
from jotary.server.store import open_store

NOW = 1_800_000_000
REFERENCE = Reference("drawer", "one")


class Drawer:
    """A custodian that keeps its key in memory."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.key = Key.generate(algorithm)
        self.public = as_signing_key(self.key.public())
        self.before: Callable[[], object] = dict
        self.closed = 0

    def public_key(self, name: str) -> tuple[Reference, Key]:
        """The key, whatever it is called."""
        return Reference("drawer", name), self.key.public()

    def sign(self, name: str, algorithm: str, message: bytes) -> bytes:  # noqa: ARG002 -- there is one key only
        """Sign, after whatever is to happen before."""
        self.before()
        return self.key.signer(algorithm)(message)

    def close(self) -> None:
        """Count."""
        self.closed += 1


async def sign(custodians: Custodians, drawer: Drawer) -> str:
    """A token."""
    return await custodians.sign(REFERENCE, drawer.public, b"{}", b"eyJhbGciOiJFUzI1NiJ9")


def test_what_it_signs_verifies() -> None:
    """And the custodian is made once, and closed."""
    drawer = Drawer()
    made: list[Drawer] = []

    def make() -> Drawer:
        made.append(drawer)
        return drawer

    custodians = Custodians({"drawer": make})

    async def twice() -> list[str]:
        return [await sign(custodians, drawer) for _ in range(2)]

    for token in asyncio.run(twice()):
        assert jws.verify(token, drawer.public, algorithms={"ES256"}).payload == b"{}"
    custodians.close()
    assert (len(made), drawer.closed) == (1, 1)
    with pytest.raises(Unavailable, match="shutting down"):
        asyncio.run(sign(custodians, drawer))


def test_a_signature_of_another_key_is_never_given_out() -> None:
    """Someone put another key under the label: 503 here, and not tokens that every API refuses."""
    drawer = Drawer()
    custodians = Custodians({"drawer": lambda: drawer})
    drawer.key = Key.generate("ES256")
    with pytest.raises(Unavailable, match="does not verify"):
        asyncio.run(sign(custodians, drawer))


def test_one_that_hangs_is_given_up_and_holds_up_nobody_else() -> None:
    """The event loop goes on; the places of those that hang are taken until they end."""
    drawer, go_on = Drawer(), threading.Event()
    drawer.before = go_on.wait
    custodians = Custodians({"drawer": lambda: drawer}, workers=1, queue=1, timeout=0.05)

    async def ask() -> list[str]:
        asked = await asyncio.gather(*(sign(custodians, drawer) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in asked)
        return sorted(str(answer) for answer in asked)

    try:
        late, also_late, refused = asyncio.run(ask())
        assert late == also_late == "the HSM or KMS did not answer in time"
        assert refused == "too many signatures wait for the HSM or KMS"
    finally:
        go_on.set()


def test_one_that_hangs_keeps_no_process_from_ending() -> None:
    """Neither a call nor the farewell: a service manager would have to kill the server, or the command."""
    script = """
import asyncio, threading
from jotary.server.keyring.external import Custodians, Reference
from jotary.server.ports import Unavailable

class Hung:
    def public_key(self, name): threading.Event().wait()
    def close(self): threading.Event().wait()

custodians = Custodians({"hung": Hung}, timeout=0.05)
try:
    asyncio.run(custodians.public_key("hung", "one"))
except Unavailable as error:
    print(error)
custodians.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("the HSM or KMS did not answer in time\n", "")


def test_a_place_is_free_again_when_its_signature_is_there() -> None:
    """Or after so many of them nobody could sign any more."""
    drawer = Drawer()
    custodians = Custodians({"drawer": lambda: drawer}, workers=1, queue=0)

    async def thrice() -> list[str]:
        return [await sign(custodians, drawer) for _ in range(3)]

    assert len(asyncio.run(thrice())) == 3


def test_a_key_that_has_gone_is_unavailable() -> None:
    """It was there when it was added: no request is at fault."""
    drawer = Drawer()

    def gone() -> None:
        raise NoSuchKeyError("gone", hint="")

    drawer.before = gone
    with pytest.raises(Unavailable, match="gone"):
        asyncio.run(sign(Custodians({"drawer": lambda: drawer}), drawer))


def test_a_custodian_that_is_not_known_or_not_installed_is_unavailable() -> None:
    """With the extra that brings it."""

    def missing() -> Drawer:
        raise ModuleNotFoundError("No module named 'boto3'", name="boto3")

    with pytest.raises(Unavailable, match="knows no custodian"):
        asyncio.run(sign(Custodians({}), Drawer()))
    with pytest.raises(Unavailable, match="aws-kms needs boto3") as refused:
        asyncio.run(Custodians({"aws-kms": missing}).public_key("aws-kms", "one"))
    assert refused.value.hint == "Install it with: pip install 'jotary[aws]'"


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_key_is_published_with_the_one_algorithm_that_it_signs_with(algorithm: str) -> None:
    """RFC 8725 §3.1; its name is its thumbprint (RFC 7638)."""
    key = Key.generate(algorithm)
    published = as_signing_key(Key.from_pem(key.to_pem()))
    assert (published.alg, published.use, published.kid) == (algorithm, "sig", key.thumbprint())
    assert published.to_jwk() == key.public().to_jwk()


def test_a_key_on_another_curve_cannot_sign_here() -> None:
    """With what to make instead."""
    with pytest.raises(NoSuchKeyError, match="cannot sign here") as refused:
        as_signing_key(Key.generate("ES384").public())
    assert "P-256" in refused.value.hint


def test_a_reference_and_a_private_key_are_told_apart() -> None:
    """Both lie sealed in the same column."""
    assert read_reference(encode_reference(REFERENCE)) == REFERENCE
    assert read_reference(b'{"kty":"EC","crv":"P-256"}') is None
    assert read_reference(b'{"kind":"external","custodian":1,"name":"x"}') is None


def test_a_key_that_is_added_takes_over_as_any_other(tmp_path: Path) -> None:
    """Announced by the schedule, signed with through the port, withdrawn in an emergency; sealed all the time."""
    drawer, later = Drawer(), Drawer()
    sealer = Sealer(bytes(32))
    rules = Rules.of(algorithm="ES256", jwks_max_age=300, token_lifetime=300, leeway=5, are_external=True)

    async def story() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/jotary.db")
        rotation = Rotation(store=store, sealer=sealer, rules=rules, entropy=secrets.token_bytes)
        keyring = Keyring(
            rotation=rotation, sealer=sealer, clock=lambda: NOW, custodians=Custodians({"drawer": lambda: drawer})
        )
        with pytest.raises(Unavailable, match="jotary key add"):
            await keyring.refresh()
        await rotation.add(NOW, REFERENCE, drawer.public)
        await keyring.refresh()
        token = await keyring.sign({"sub": "ada"}, typ="at+jwt")
        assert jws.verify(token, keyring.public_keys(), algorithms={"ES256"}).header["kid"] == drawer.public.kid

        (first,) = await store.signing_keys()
        assert b"drawer" not in first.sealed_private_key
        announced = await rotation.add(NOW, Reference("drawer", "two"), later.public)
        assert [key.signing_from - NOW for key in sorted(announced, key=lambda key: key.signing_from)] == [0, 330]
        newest = Drawer()
        after = await rotation.add(NOW, Reference("drawer", "three"), newest.public, compromised=True)
        assert [key.id for key in after if key.gone_from is None] == [newest.public.kid]
        cut_off = await store.revocations(now=NOW)
        assert {entry.value for entry in cut_off} == {drawer.public.kid, later.public.kid}
        keyring.close()
        await store.close()

    asyncio.run(story())
