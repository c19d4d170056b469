"""`jotary restore`: a backup into a database."""

import time
from functools import cache
from pathlib import Path
from typing import Any, Final

import click

from jotary.cli import options
from jotary.cli.administration import draft_settings, late_enrolment, load_settings
from jotary.cli.backup import key_file
from jotary.cli.operating_system_user import operating_system_user
from jotary.cli.output import moment, print_json, print_record
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.keyring import make_sealer
from jotary.server.store.backup import Restored, Restoring, read_key, restore_backup

_ENDED: Final = """
Everybody is signed out: sessions, sign-ins and codes have ended, and access tokens are refused.
Consents that the database did not have are asked for again."""
_UNKNOWN: Final = """
The database was empty, so nothing is known of what happened after {made_at}. As they were then are:
  accounts that were disabled or deleted since    jotary user list, disable, delete
  passwords that were changed since               tell their owners
  clients that were deleted, secrets changed      jotary client list, delete, rotate-secret
Signing keys of the backup are withdrawn; the server makes a new one when it starts."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@key_file
@click.option("--replace", is_flag=True, help="Go back to the backup although the database has accounts.")
@click.option(
    "--nothing-since",
    is_flag=True,
    help="No server ran since the backup was made, as in a move to another database: nobody is signed out.",
)
@click.option("--any-issuer", is_flag=True, help="Take the backup of another issuer, as for a rehearsal.")
@options.config
@options.as_json
def restore(
    file: Path, key_file: Path | None, config: Path | None, *, replace: bool, nothing_since: bool, **flags: bool
) -> None:
    """Bring the backup FILE into the database, all of it or nothing, and revive nothing that was revoked since.

    Everybody must sign in again. With --replace, whoever was deleted or disabled since stays so, changed passwords and
    secrets stay changed, and whoever came since goes.
    """
    if replace and nothing_since:
        raise click.UsageError("--replace and --nothing-since exclude each other.")
    if key_file is None:
        raise click.UsageError("Name the key that the backup was made with: --key-file FILE")
    settings = draft_settings(config)
    # A new secret would open nothing of the backup, and stand where the old one has to go.
    with_secret = cache(lambda: load_settings(config, may_make_secret=False).settings)
    if nothing_since:
        with_secret()
    now = int(time.time())
    how = Restoring(
        issuer=settings.issuer,
        now=now,
        cut_off_until=last_token_expires_at(now, settings),
        replaces=replace,
        nothing_since=nothing_since,
        any_issuer=flags["any_issuer"],
        actor=operating_system_user(),
    )
    restored = restore_backup(
        settings.database,
        file,
        read_key(key_file),
        how,
        lambda sealed, kid: make_sealer(with_secret()).unseal(sealed, kid=kid),
        enrol=late_enrolment(config),
    )
    _print(restored, how, as_json=flags["as_json"])


def _print(restored: Restored, how: Restoring, *, as_json: bool) -> None:
    members = _members(restored)
    if as_json:
        print_json(members)
        return
    made_at = moment(restored.manifest.made_at)
    print_record({**{name: members[name] for name in ("issuer", "users", "clients")}, "backup of": made_at})
    for table, count in restored.removed.items():
        if count:
            click.echo(f"Removed {count} {table} that came after the backup.")
    for table, count in restored.left_out.items():
        if count:
            click.echo(f"Left out {count} {table} that were deleted since, or whose e-mail address is taken.")
    if not how.nothing_since:
        click.echo(_ENDED)
        if not how.replaces:
            click.echo(_UNKNOWN.format(made_at=made_at))


def _members(restored: Restored) -> dict[str, Any]:
    """The members in JSON; times in Unix seconds. Others build on these names."""
    return {
        "issuer": restored.manifest.issuer,
        "made_at": restored.manifest.made_at,
        "users": restored.users,
        "clients": restored.clients,
        "removed": restored.removed,
        "left_out": restored.left_out,
    }
