"""pytest: a real PostgreSQL of the tests' own; what wants one is skipped where it is not to be had."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from faults.postgresql import PostgreSQLMissingError, PostgreSQLServer, check_postgresql, postgresql_server


@contextmanager
def _server_or_skip() -> Iterator[PostgreSQLServer]:
    try:
        check_postgresql()
    except PostgreSQLMissingError as error:
        pytest.skip(str(error))
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A server for all tests of this process, started when the first one asks for it."""
    with _server_or_skip() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQLServer) -> str:
    """The name of a database with the schema, made once."""
    from jotary.server.store.migrations import upgrade  # noqa: PLC0415 -- most tests need no database

    name = postgresql.create_database()
    upgrade(postgresql.url(name))
    return name


@pytest.fixture
def postgresql_url(postgresql: PostgreSQLServer, postgresql_template: str) -> str:
    """A database with the schema and nothing in it. The next test has the same one: begin nothing that outlives you."""
    postgresql.empty(postgresql_template)
    return postgresql.url(postgresql_template)


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """A server that the tests of one file may stop and freeze."""
    with _server_or_skip() as server:
        yield server
