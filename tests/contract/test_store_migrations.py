"""The schema's history builds what the schema says, once, whole, and under a lock."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from jotary.server.ports import Unavailable
from jotary.server.store import UnknownSchemaError, migrations, open_store
from jotary.server.store.backends import backend
from jotary.server.store.migrations import HEAD, check, current, upgrade
from jotary.server.store.schema import metadata


def tables(path: Path) -> dict[str, list[str]]:
    """The lines of SQL of every table and index in any order, without Alembic's own."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {
            name: sorted(line.strip(" ,\t") for line in sql.splitlines()) for name, sql in connection.execute(query)
        }


def execute(url: str, statement: str) -> None:
    """Run one statement of SQL."""

    def run(connection: sa.Connection) -> None:
        connection.exec_driver_sql(statement)

    backend(url).change_schema(url, run)


def table_names(url: str) -> list[str]:
    """The tables that there are."""
    names: list[str] = []
    backend(url).change_schema(url, lambda connection: names.extend(sa.inspect(connection).get_table_names()))
    return names


def test_the_migrations_build_the_schema(new_database_url: str) -> None:
    """Alembic finds no difference between a migrated database and `schema.py`."""
    differences: list[object] = []

    def compare(connection: sa.Connection) -> None:
        differences.extend(compare_metadata(MigrationContext.configure(connection), metadata))

    upgrade(new_database_url)
    backend(new_database_url).change_schema(new_database_url, compare)
    assert differences == []


def test_the_migrations_build_the_schema_to_the_letter(tmp_path: Path) -> None:
    """What Alembic does not compare, such as STRICT and AUTOINCREMENT, is the same, too."""
    upgrade(f"sqlite:///{tmp_path}/migrated.db")
    engine = sa.create_engine(f"sqlite:///{tmp_path}/created.db", poolclass=sa.NullPool)
    metadata.create_all(engine)
    migrated, created = tables(tmp_path / "migrated.db"), tables(tmp_path / "created.db")
    assert migrated == created
    strict = [name for name, lines in migrated.items() if "STRICT" in lines]
    assert len(strict) == len(metadata.tables)


def test_head_is_the_newest_revision() -> None:
    """`HEAD` lets a start see without Alembic that there is nothing to do."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_an_upgrade_is_done_once(new_database_url: str) -> None:
    """`current` and `check` say where the database stands."""
    assert current(new_database_url) is None
    assert not check(new_database_url)
    upgrade(new_database_url)
    assert current(new_database_url) == HEAD
    assert check(new_database_url)
    upgrade(new_database_url)


@pytest.mark.anyio
async def test_a_database_of_a_newer_version_is_refused(new_database_url: str) -> None:
    """An older jotary must not write into a schema that it does not know."""
    await asyncio.to_thread(upgrade, new_database_url)
    await asyncio.to_thread(execute, new_database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnknownSchemaError, match="newer version"):
        await open_store(new_database_url)
    assert await asyncio.to_thread(current, new_database_url) == "9999"


def test_an_upgrade_that_fails_leaves_nothing(new_database_url: str) -> None:
    """All of it runs in one transaction, so that it can be tried again."""
    execute(new_database_url, "CREATE TABLE events (in_the_way INTEGER)")
    with pytest.raises(Unavailable, match="already exists"):
        upgrade(new_database_url)
    assert table_names(new_database_url) == ["events"]
    assert current(new_database_url) is None
    execute(new_database_url, "DROP TABLE events")
    upgrade(new_database_url)


@pytest.mark.anyio
async def test_what_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    """A folder that is missing, a folder in the file's place, a file that is no database."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database " * 1000)
    for place in ("missing/jotary.db", "folder", "text"):
        with pytest.raises(Unavailable, match="cannot open the database"):
            await open_store(f"sqlite:///{tmp_path}/{place}")
    assert (tmp_path / "text").read_text().startswith("no database")


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["mysql://localhost/jotary", "jotary.db", ""])
async def test_an_unknown_database_is_refused_by_name(url: str) -> None:
    """The error names what jotary knows."""
    with pytest.raises(ValueError, match="it knows: postgres, postgresql, sqlite"):
        await open_store(url)
