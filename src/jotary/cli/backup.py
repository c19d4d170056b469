"""`jotary backup`: everything in one encrypted file."""

import importlib.metadata
import os
import time
from pathlib import Path
from typing import Any

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer, draft_settings
from jotary.cli.output import moment, print_json, print_record
from jotary.server.flows.administration.note_backup import note_backup
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings, SettingsError
from jotary.server.store.backup import (
    KEY_SIZE,
    SALT_SIZE,
    BackupKey,
    Contents,
    Manifest,
    check_backup,
    check_room,
    create_key,
    read_key,
    write_backup,
)

key_file = click.option(
    "--key-file",
    envvar="JOTARY_BACKUP_KEY_FILE",
    show_envvar=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key of backups, as --new-key makes one.",
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@key_file
@click.option("--new-key", type=click.Path(path_type=Path, dir_okay=False), help="Make a key, in a file that is new.")
@click.option("--check", is_flag=True, help="Read FILE, a backup, to its last byte, and write nothing.")
@options.config
@options.as_json
def backup(
    file: Path | None, key_file: Path | None, new_key: Path | None, config: Path | None, *, check: bool, as_json: bool
) -> None:
    """Write everything that the server keeps into FILE, encrypted, and read it back. The server goes on meanwhile.

    Make the key once and keep it elsewhere than the backups: without it they cannot be read. With --new-key and a FILE,
    the new key seals that backup.
    """
    if check and new_key is not None:
        raise click.UsageError("--new-key and --check exclude each other: a new key opens no backup.")
    if new_key is not None and file is None:
        _make_key(new_key)
        return
    key_path = new_key or key_file
    if file is None or key_path is None:
        raise click.UsageError("Name the FILE and its --key-file. Make a key with: jotary backup --new-key FILE")
    if check:
        manifest, contents = check_backup(file, read_key(key_path))
    else:
        settings = draft_settings(config)  # the secret is not needed, and may be lost
        check_room(settings.database, file)
        if new_key is not None:  # once there is something to seal
            _make_key(new_key)
        manifest, contents = _write(settings, file, read_key(key_path))
        _note(config, file, manifest)
    _print(file, manifest, contents, as_json=as_json)


def _write(settings: Settings, file: Path, key: BackupKey) -> tuple[Manifest, Contents]:
    return write_backup(
        settings.database,
        file,
        key,
        issuer=settings.issuer,
        version=importlib.metadata.version("jotary"),
        now=int(time.time()),
        salt=os.urandom(SALT_SIZE),
    )


def _make_key(path: Path) -> None:
    create_key(path, os.urandom(KEY_SIZE))
    click.echo(f"Wrote {path}. Keep a copy elsewhere than the backups: without it they cannot be read.", err=True)


def _note(config: Path | None, file: Path, manifest: Manifest) -> None:
    """In the audit trail. A database that takes no writes is one that needs its backup most: it is not undone.

    Nor is that of a server whose secret was lost.
    """
    path, size = str(file.absolute()), file.stat().st_size

    async def work(desk: Administration) -> None:
        await note_backup(desk.store, file=path, size=size, made_at=manifest.made_at, now=desk.now)

    try:
        administer(config, work)
    except (Unavailable, SettingsError) as error:
        click.echo(f"Warning: the audit trail does not say so: {error}.", err=True)


def _print(file: Path, manifest: Manifest, contents: Contents, *, as_json: bool) -> None:
    members = _members(file, manifest, contents)
    if as_json:
        print_json(members)
        return
    tables = {name: f"{count} rows" for name, count in contents.counts.items()}
    shown = {name: members[name] for name in ("file", "bytes", "issuer", "revision", "jotary")}
    print_record({**shown, "made at": moment(manifest.made_at), **tables})
    click.echo("Every byte was read back: the backup is whole.")


def _members(file: Path, manifest: Manifest, contents: Contents) -> dict[str, Any]:
    """The members in JSON; times in Unix seconds. Others build on these names."""
    return {
        "file": str(file),
        "bytes": file.stat().st_size,
        "issuer": manifest.issuer,
        "revision": manifest.revision,
        "jotary": manifest.jotary,
        "made_at": manifest.made_at,
        "rows": contents.counts,
    }
