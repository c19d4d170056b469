"""The schema's history. `upgrade` brings a database to the newest revision; several processes may call it at once.

A new revision is a file in `versions/` and a new `HEAD`; a test fails until it builds what `schema.py` says.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal

import sqlalchemy as sa

from jotary.server.model.signing_key import SigningKey
from jotary.server.store.backends import backend

HEAD: Final = "0006"

#: The stamp of a signing key that a version before 0005 wrote; empty if it is not believed.
Enrol = Callable[[SigningKey], bytes]

Standing = Literal["missing", "behind", "current", "ahead"]

_FOLDER: Final = Path(__file__).parent


class UnknownSchemaError(RuntimeError):
    """The database stands at a revision that this version of jotary does not know: a newer one wrote it."""


def current(url: str) -> str | None:
    """The revision at which the database stands; None when it is empty or not there."""
    return backend(url).revision(url)


def check(url: str) -> bool:
    """Whether the database stands at the revision that this version of jotary works with."""
    return current(url) == HEAD


def standing_of(revision: str | None) -> Standing:
    """How a revision that `current` returned stands to what this version of jotary works with."""
    if revision is None:
        return "missing"
    if revision == HEAD:
        return "current"
    return "behind" if revision in _known() else "ahead"


def _known() -> set[str]:
    """Every revision that this version of jotary can upgrade from."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 -- as in `_upgrade`

    return {script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()}


def upgrade(url: str, *, enrol: Enrol | None = None) -> None:
    """Make the database when it is not there, and bring it to `HEAD` in one transaction.

    Args:
        url: of the database.
        enrol: stamps the signing keys of an earlier version; without it, a database that has some is not upgraded.

    Raises:
        SealError: as `enrol`.
        ValueError: the URL names no database that jotary knows.
        UnknownSchemaError: a newer version of jotary wrote this database.
        Unavailable: the database cannot be made, opened or locked.
    """
    if not check(url):
        backend(url).change_schema(url, partial(_upgrade, enrol=enrol))


def _upgrade(connection: sa.Connection, *, enrol: Enrol | None) -> None:
    """Run every revision that is missing. Alembic is loaded only now: most starts have nothing to upgrade."""
    from alembic import command  # noqa: PLC0415 -- costs a tenth of a second at every start
    from alembic.config import Config  # noqa: PLC0415 -- the same
    from alembic.util import CommandError  # noqa: PLC0415 -- the same

    config = Config(attributes={"connection": connection, "enrol": enrol})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise UnknownSchemaError(
            "a newer version of jotary wrote this database: start that version, or restore a backup"
        ) from error
