"""Tasks in a SQLite file of the API's own. Every look-up names the owner, so nobody can reach another's task."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS tasks_by_owner ON tasks (owner, id);
"""


@dataclass(frozen=True)
class Task:
    """Something to do."""

    id: int
    title: str
    done: bool


class Tasks:
    """The tasks of all people; `owner` is the `sub` of their tokens."""

    def __init__(self, path: Path) -> None:
        """Open the database file, making it if it is not there."""
        self._path = path
        with self._connect() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """One connection and transaction for one piece of work; FastAPI runs each in a thread of its own."""
        connection = sqlite3.connect(self._path, timeout=5)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def add(self, owner: str, title: str) -> Task:
        """Store a new task."""
        with self._connect() as connection:
            row = connection.execute("INSERT INTO tasks (owner, title) VALUES (?, ?) RETURNING id", (owner, title))
            return Task(row.fetchone()[0], title, done=False)

    def page(self, owner: str, *, before: int | None, done: bool | None, limit: int) -> list[Task]:
        """Up to `limit` tasks, newest first, older than the task `before`."""
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT id, title, done FROM tasks WHERE owner = :owner AND (:before IS NULL OR id < :before)"
                " AND (:done IS NULL OR done = :done) ORDER BY id DESC LIMIT :limit",
                {"owner": owner, "before": before, "done": done, "limit": limit},
            )
            return [_task(row) for row in rows]

    def count_open(self, owner: str) -> int:
        """How many tasks are not done."""
        with self._connect() as connection:
            found = connection.execute("SELECT count(*) FROM tasks WHERE owner = ? AND NOT done", (owner,))
            return int(found.fetchone()[0])

    def get(self, owner: str, task_id: int) -> Task | None:
        """The owner's task with this id."""
        with self._connect() as connection:
            return _first(
                connection.execute("SELECT id, title, done FROM tasks WHERE owner = ? AND id = ?", (owner, task_id))
            )

    def change(self, owner: str, task_id: int, *, title: str | None, done: bool | None) -> Task | None:
        """Change what is not None, and return the task; None if the owner has no such task."""
        with self._connect() as connection:
            return _first(
                connection.execute(
                    "UPDATE tasks SET title = coalesce(?, title), done = coalesce(?, done)"
                    " WHERE owner = ? AND id = ? RETURNING id, title, done",
                    (title, done, owner, task_id),
                )
            )

    def remove(self, owner: str, task_id: int) -> bool:
        """Delete a task; False if the owner has no such task."""
        with self._connect() as connection:
            return connection.execute("DELETE FROM tasks WHERE owner = ? AND id = ?", (owner, task_id)).rowcount == 1


def _first(rows: sqlite3.Cursor) -> Task | None:
    """The one row, read to its end so that the statement is finished before the transaction is."""
    found = rows.fetchall()
    return _task(found[0]) if found else None


def _task(row: tuple[int, str, int]) -> Task:
    return Task(row[0], row[1], done=bool(row[2]))
