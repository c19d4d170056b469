"""The database: there, of this version, whole, and private."""

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from jotary.cli.complaint import explain
from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, fail, judge, ok, warn
from jotary.server.ports import Unavailable
from jotary.server.settings.database import sqlite_file, without_password
from jotary.server.store.migrations import HEAD, current
from jotary.server.store.sqlite.file import connect

_LEAST_FREE: Final = 100 * 1024 * 1024  # bytes: beyond the log and a backup of a small company
_OTHERS: Final = 0o077
_SYNCHRONOUS: Final = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


def check(deployment: Deployment) -> Findings:
    """Any database: that it answers, and its schema. A file of SQLite: the file, too."""
    url = deployment.settings.database
    file = sqlite_file(url)
    if file is not None and not file.is_file():
        yield fail("database", f"there is no file {file}", "Start the server, which makes it; or mend `database`.")
        return
    try:
        revision = current(url)
    except Unavailable as error:
        yield fail("database", *explain(error))
        return
    yield ok("database", f"{without_password(url)} answers")
    yield _schema(revision)
    if file is not None:
        yield from _file(file)


def _schema(revision: str | None) -> Finding:
    mend = "Start this version of the server once, which upgrades an older schema; a newer one needs the newer jotary."
    found = f"revision {revision or 'none'}, and this version works with {HEAD}"
    return judge("schema", found, is_well=revision == HEAD, mend=mend, otherwise=fail)


def _file(file: Path) -> Findings:
    mode = file.stat().st_mode & 0o777
    yield judge("database mode", f"{mode:04o}", is_well=not mode & _OTHERS, mend=f"chmod 600 {file}*", otherwise=fail)
    free = shutil.disk_usage(file.parent).free
    found = f"{free // 1024**2} MiB free, {file.stat().st_size // 1024**2} MiB in use"
    needed = max(_LEAST_FREE, file.stat().st_size // 10)
    yield judge("disk", found, is_well=free >= needed, mend=f"Make room on the disk of {file.parent}.", otherwise=warn)
    with contextlib.closing(connect(str(file), busy_timeout=5, read_only=True)) as connection:
        yield from _pragmas(connection, file)


def _pragmas(connection: sqlite3.Connection, file: Path) -> Findings:
    (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    mend = f"Stop the servers, then: sqlite3 {file} 'PRAGMA journal_mode = WAL'"
    yield judge("journal", str(journal), is_well=journal == "wal", mend=mend, otherwise=fail)
    (level,) = connection.execute("PRAGMA synchronous").fetchone()
    yield judge(
        "durability",
        f"synchronous = {_SYNCHRONOUS.get(level, level)}",
        is_well=level >= 2,  # noqa: PLR2004 -- FULL or more
        mend="Report it: every connection of jotary asks for FULL.",
        otherwise=fail,
    )
    (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    mend = "Stop the server, keep a copy of the file, and restore the last backup into a new one: jotary restore"
    yield judge("integrity", str(said), is_well=said == "ok", mend=mend, otherwise=fail)
