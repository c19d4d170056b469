"""`jotary key`: the keys that sign tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer
from jotary.cli.output import moment, print_json, print_rows
from jotary.server.keyring import make_rotation
from jotary.server.keyring.schedule import choose_signing_key, is_gone, may_sign
from jotary.server.model.signing_key import SigningKey


@click.group()
def key() -> None:
    """List and rotate the keys that sign tokens."""


@key.command("list")
@options.config
@options.as_json
def list_keys(config: Path | None, *, as_json: bool) -> None:
    """List the signing keys and where they are in their life."""

    async def work(desk: Administration) -> list[dict[str, Any]]:
        return _described(await desk.store.signing_keys(), desk.now)

    _print(administer(config, work), as_json=as_json)


@key.command()
@click.option("--compromised", is_flag=True, help="Somebody may have a private key: withdraw all of them at once.")
@options.config
@options.as_json
def rotate(config: Path | None, *, compromised: bool, as_json: bool) -> None:
    """Make the next signing key. It is announced first and takes over by itself; nobody is signed out.

    With --compromised every key is withdrawn at once: APIs refuse all tokens signed so far as soon as they read the
    keys again. Sessions go on, so revoke those that the thief may have opened.
    """

    async def work(desk: Administration) -> list[dict[str, Any]]:
        rotation = make_rotation(desk.settings, desk.store, entropy=desk.entropy)
        return _described(await rotation.rotate(desk.now, compromised=compromised), desk.now)

    _print(administer(config, work), as_json=as_json)


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    shown = [
        {
            **row,
            "signs from": moment(row["signing_from"]),
            "retires": moment(row["retiring_from"]),
            "gone": moment(row["gone_from"]),
        }
        for row in rows
    ]
    columns = ["kid", "alg", "phase", "signs from", "retires", "gone"]
    print_rows(shown, columns, nothing="There is no key yet; the server makes the first one when it starts.")


def _described(keys: Sequence[SigningKey], now: int) -> list[dict[str, Any]]:
    """The members of keys in JSON; times in Unix seconds. Others build on these names."""
    signing = choose_signing_key(keys, now)
    return [
        {
            "kid": each.id,
            "alg": each.algorithm,
            "phase": _phase(each, signing, now),
            "announced_at": each.announced_at,
            "signing_from": each.signing_from,
            "retiring_from": each.retiring_from,
            "gone_from": each.gone_from,
        }
        for each in sorted(keys, key=_order)
    ]


def _order(each: SigningKey) -> tuple[int, bool, str]:
    """In the order in which they sign; of two that began together, the one whose end is decided."""
    return each.signing_from, each.retiring_from is None, each.id


def _phase(each: SigningKey, signing: SigningKey | None, now: int) -> str:
    """Its place in the life of a key (design §6.2)."""
    if each is signing:
        return "signing"
    if is_gone(each, now):
        return "gone"
    return "announced" if may_sign(each, now) else "retiring"
