"""TLS to PostgreSQL: `sslmode` in the URL, as libpq reads it (PostgreSQL's manual, "SSL Mode Descriptions").

What is refused is refused before a byte of PostgreSQL's own protocol is sent: no stranger is offered a password.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jotary.server.model.changes import AddUser
from jotary.server.model.user import User
from jotary.server.ports import Unavailable
from jotary.server.store import open_store
from jotary.server.store.postgres import open_driver
from jotary.server.store.postgres.inspection import Channel, inspect

if TYPE_CHECKING:
    from tests.plugins.postgresql_tls import Authority, FrontOfPostgreSQL

pytestmark = pytest.mark.anyio

Front = Callable[[Path | None], "FrontOfPostgreSQL"]


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What libpq would find in ~/.postgresql is not part of this."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def front(front_of_postgresql: Front, authority: "Authority") -> "FrontOfPostgreSQL":
    """A PostgreSQL with a certificate."""
    return front_of_postgresql(authority.server)


@pytest.fixture
def plain(front_of_postgresql: Front) -> "FrontOfPostgreSQL":
    """A PostgreSQL without TLS."""
    return front_of_postgresql(None)


async def refusal(url: str) -> tuple[str, str]:
    """Why the store cannot be opened, and what to do about it: by the pool that serves, and by what upgrades."""
    with pytest.raises(Unavailable) as of_driver:
        await open_driver(url, connections=1)
    with pytest.raises(Unavailable) as of_store:
        await open_store(url)
    assert str(of_driver.value) == str(of_store.value)
    return str(of_driver.value), str(vars(of_driver.value)["hint"])


async def test_verify_full_takes_the_right_server(
    front: "FrontOfPostgreSQL", authority: "Authority", user: User
) -> None:
    """Its certificate is of `sslrootcert`, and for the URL's host: all is written and read through TLS."""
    store = await open_store(front.url(f"sslmode=verify-full&sslrootcert={authority.root}"))
    await store.commit(AddUser(user))
    assert await store.user(user.id) == user
    await store.close()
    assert front.passed > 0


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
async def test_a_server_of_another_authority_is_refused(
    front: "FrontOfPostgreSQL", other_authority: "Authority", mode: str
) -> None:
    """As of libpq, `require` checks it, too, where `sslrootcert` is named."""
    problem, hint = await refusal(front.url(f"sslmode={mode}&sslrootcert={other_authority.root}"))
    assert "certificate verify failed" in problem
    assert "sslrootcert" in hint
    assert front.passed == 0


async def test_verify_full_refuses_another_host_s_certificate(
    front: "FrontOfPostgreSQL", authority: "Authority"
) -> None:
    """Anybody may have one of a public authority; `verify-ca` is for authorities that sign nothing else."""
    query = f"sslrootcert={authority.root}"
    problem, hint = await refusal(front.url(f"sslmode=verify-full&{query}", host="localhost"))
    assert "mismatch" in problem
    assert "for the URL's host" in hint
    assert front.passed == 0
    driver = await open_driver(front.url(f"sslmode=verify-ca&{query}", host="localhost"), connections=1)
    await driver.close()


async def test_verify_full_needs_an_authority(front: "FrontOfPostgreSQL", tmp_path: Path) -> None:
    """None is asked for instead, and the hint names the option."""
    for query in ("sslmode=verify-full", f"sslmode=verify-full&sslrootcert={tmp_path}/none.pem"):
        _, hint = await refusal(front.url(query))
        assert "sslrootcert" in hint
    assert front.passed == 0


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_without_tls_is_refused(plain: "FrontOfPostgreSQL", authority: "Authority", mode: str) -> None:
    """Somebody between may have said so: nothing goes on in clear."""
    problem, hint = await refusal(plain.url(f"sslmode={mode}&sslrootcert={authority.root}"))
    assert "rejected SSL upgrade" in problem
    assert "TLS" in hint
    assert plain.passed == 0


async def test_what_is_left_out_checks_nobody(front: "FrontOfPostgreSQL", plain: "FrontOfPostgreSQL") -> None:
    """TLS if it is offered, by whomever: docs/postgresql.md says so, and `jotary doctor` warns."""
    for url in (front.url(), front.url("sslmode=require"), plain.url(), plain.url("sslmode=disable")):
        driver = await open_driver(url, connections=1)
        assert await driver.time()
        await driver.close()
    assert front.passed > 0 < plain.passed


@pytest.mark.parametrize(
    ("query", "channel"),
    [
        ("sslmode=verify-full&sslrootcert={root}", Channel("127.0.0.1", True, True, True)),
        ("sslmode=verify-ca&sslrootcert={root}", Channel("127.0.0.1", True, True)),
        ("sslmode=require", Channel("127.0.0.1", True)),
        ("", Channel("127.0.0.1", True)),
        ("sslmode=disable", Channel("127.0.0.1")),
    ],
)
def test_an_inspection_sees_what_was_checked(
    front: "FrontOfPostgreSQL", authority: "Authority", query: str, channel: Channel
) -> None:
    """By the connection itself, whatever the URL or the environment said."""
    assert inspect(front.url(query.format(root=authority.root)), lambda: 0.0).channel == channel
