"""`jotary key`: the keys that sign tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer
from jotary.cli.key_rows import described, print_keys
from jotary.server.keyring import make_custodians, make_rotation, make_sealer, reseal
from jotary.server.model.signing_key import SigningKey


@click.group()
def key() -> None:
    """List, add, rotate and reseal the keys that sign tokens."""


@key.command("list")
@options.config
@options.as_json
def list_keys(config: Path | None, *, as_json: bool) -> None:
    """List the signing keys, where they are in their life, who holds them and under which secret they are sealed."""

    async def work(desk: Administration) -> list[dict[str, Any]]:
        return _described(desk, await desk.store.signing_keys())

    print_keys(administer(config, work), as_json=as_json)


_compromised = click.option(
    "--compromised", is_flag=True, help="Somebody may have a private key: withdraw all of them at once."
)


@key.command()
@_compromised
@options.config
@options.as_json
def rotate(config: Path | None, *, compromised: bool, as_json: bool) -> None:
    """Make the next signing key. It is announced first and takes over by itself; nobody is signed out.

    With --compromised every key is withdrawn and a new one signs at once. APIs that follow the feed refuse whatever the
    old ones signed within a second, all others as soon as they read the keys again. Sessions go on with new tokens, so
    revoke those that the thief may have opened.
    """

    async def work(desk: Administration) -> list[dict[str, Any]]:
        rotation = make_rotation(desk.settings, desk.store, entropy=desk.entropy)
        return _described(desk, await rotation.rotate(desk.now, compromised=compromised))

    print_keys(administer(config, work), as_json=as_json)


@key.command()
@click.option("--pkcs11", "label", metavar="LABEL", help="The label of a key in the HSM that the settings name.")
@click.option("--kms", "arn", metavar="ARN", help="The ARN of an asymmetric signing key in AWS KMS.")
@_compromised
@options.config
@options.as_json
def add(config: Path | None, *, label: str | None, arn: str | None, compromised: bool, as_json: bool) -> None:
    """Announce a key that an HSM or a KMS holds as the next one. It takes over by itself; nobody is signed out.

    For servers with signing_keys = "external". Its public part is read and published; the private one stays where it
    is. With --compromised every other key is withdrawn, as by rotate, and this one signs at once.
    """
    if (label is None) == (arn is None):
        raise click.UsageError("Name one key: --pkcs11 LABEL or --kms ARN.")
    custodian, name = ("pkcs11", label) if label is not None else ("aws-kms", arn)

    async def work(desk: Administration) -> list[dict[str, Any]]:
        custodians = make_custodians(desk.settings)
        try:
            reference, public = await custodians.public_key(custodian, name or "")
        finally:
            custodians.close()
        rotation = make_rotation(desk.settings, desk.store, entropy=desk.entropy)
        return _described(desk, await rotation.add(desk.now, reference, public, compromised=compromised))

    print_keys(administer(config, work), as_json=as_json)


@key.command("reseal")
@options.config
@options.as_json
def reseal_keys(config: Path | None, *, as_json: bool) -> None:
    """Seal the signing keys anew, under the present secret, after the secret was replaced.

    All in one transaction, beside running servers. The secret that sealed them must be among the accepted_secrets.
    """

    async def work(desk: Administration) -> list[dict[str, Any]]:
        await reseal(desk.store, make_sealer(desk.settings), now=desk.now, entropy=desk.entropy)
        return _described(desk, await desk.store.signing_keys())

    print_keys(administer(config, work), as_json=as_json)


def _described(desk: Administration, keys: Sequence[SigningKey]) -> list[dict[str, Any]]:
    return described(keys, make_sealer(desk.settings), desk.now)
