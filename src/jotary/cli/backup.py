"""`jotary backup`: everything in one encrypted file."""

import importlib.metadata
import os
import time
from pathlib import Path
from typing import Any

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer, load_settings
from jotary.cli.output import moment, print_json, print_record
from jotary.server.flows.administration.note_backup import note_backup
from jotary.server.ports import Unavailable
from jotary.server.store.backup import (
    KEY_SIZE,
    SALT_SIZE,
    Contents,
    Manifest,
    check_backup,
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
    if new_key is not None:
        _make_key(new_key)
        if file is None:
            return
    key_path = new_key or key_file
    if file is None or key_path is None:
        raise click.UsageError("Name the FILE and its --key-file. Make a key with: jotary backup --new-key FILE")
    key = read_key(key_path)
    if check:
        manifest, contents = check_backup(file, key)
    else:
        settings = load_settings(config).settings
        manifest, contents = write_backup(
            settings.database,
            file,
            key,
            issuer=settings.issuer,
            version=importlib.metadata.version("jotary"),
            now=int(time.time()),
            salt=os.urandom(SALT_SIZE),
        )
        _note(config, file, manifest)
    _print(file, manifest, contents, as_json=as_json)


def _make_key(path: Path) -> None:
    create_key(path, os.urandom(KEY_SIZE))
    click.echo(f"Wrote {path}. Keep a copy elsewhere than the backups: without it they cannot be read.", err=True)


def _note(config: Path | None, file: Path, manifest: Manifest) -> None:
    """In the audit trail. A database that takes no writes is one that needs its backup most: it is not undone."""
    path, size = str(file.absolute()), file.stat().st_size

    async def work(desk: Administration) -> None:
        await note_backup(desk.store, file=path, size=size, made_at=manifest.made_at, now=desk.now)

    try:
        administer(config, work)
    except Unavailable as error:
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
