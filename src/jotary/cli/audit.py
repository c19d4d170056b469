"""`jotary audit`: what happened, and whether the trail of it is whole."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer, needs_database
from jotary.cli.event_rows import print_lines, print_table
from jotary.cli.output import moment, print_json
from jotary.server.flows.administration.user_standing import find_user
from jotary.server.flows.audit.sealing import Sealed, Sealing
from jotary.server.flows.audit.verification import Report, verify
from jotary.server.keyring import derive_keys
from jotary.server.model.sealed_event import EventFilter
from jotary.server.settings.duration import parse_duration

_PAGE = 500  # events read at once


@click.group()
def audit() -> None:
    """List, seal and verify the audit trail."""


@audit.command("list")
@click.option("--user", "who", metavar="EMAIL|ID", help="About this person only.")
@click.option("--client", "client_id", metavar="ID", help="About this client only.")
@click.option("--kind", help="Of this kind only, such as sign_in.refused, or sign_in for all of those.")
@click.option(
    "--since",
    metavar="TIME",
    help="Not before this moment in UTC, such as 2026-11-23 or 2026-11-23T08:30, or this long ago, such as 12h.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest ones, this many.")
@click.option("--before", type=click.IntRange(1), metavar="POSITION", help="Older ones than this: the page before.")
@click.option("--after", type=click.IntRange(0), metavar="POSITION", help="All newer ones than this, without a limit.")
@options.config
@options.as_json
def list_events(
    config: Path | None,
    *,
    who: str | None,
    client_id: str | None,
    kind: str | None,
    since: str | None,
    limit: int,
    before: int | None,
    after: int | None,
    as_json: bool,
) -> None:
    """List events, the newest last. With --json one object a line, for a log collector: it goes on with --after."""
    show = print_lines if as_json else print_table

    async def work(desk: Administration) -> None:
        start = _moment(since, desk.now) if since else 0
        wanted = EventFilter(user_id=await _user_id(who, desk), client_id=client_id, kind=kind, since=start)
        if after is None:
            show(list(reversed(await desk.store.latest_events(wanted, before=before, limit=limit))))
            return
        position = after
        while page := await desk.store.found_events(wanted, after=position, limit=_PAGE):
            show(page)
            position = page[-1].position

    administer(config, work, check=needs_database)


@audit.command()
@click.option("--anew", is_flag=True, help="Make the chain anew over the events as they are now, whatever was changed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.config
@options.as_json
def seal(config: Path | None, *, anew: bool, yes: bool, as_json: bool) -> None:
    """Seal the events that are not sealed yet, and print the head of the chain. Servers do so every few seconds.

    --anew is for a trail that was found to be broken, once you have looked into it and kept a copy, or when the secret
    is lost.
    """
    if anew and not yes:
        click.confirm("Take the events as they are now for the truth?", abort=True, err=True)

    async def work(desk: Administration) -> Sealed:
        sealing = Sealing(desk.store, derive_keys(desk.settings, "audit"))
        return await (sealing.begin_anew(desk.now) if anew else sealing(desk.now))

    sealed = administer(config, work, check=needs_database)
    head = sealed.chain.head_seal.hex() if sealed.chain else None
    if as_json:
        print_json({"sealed": sealed.events, "events": sealed.chain.head_count if sealed.chain else 0, "head": head})
        return
    click.echo(f"Sealed {sealed.events} events.")
    click.echo(f"head  {head or '-'}")


@audit.command("verify")
@click.option(
    "--head", metavar="SEAL", help="A head that was noted elsewhere, such as in the log: it must be in the chain."
)
@options.config
@options.as_json
def verify_trail(head: str | None, config: Path | None, *, as_json: bool) -> None:
    """Check every event against its seal. Ends with 1 and the first event that does not fit, if there is one."""
    noted = _seal(head) if head else None

    async def work(desk: Administration) -> Report:
        chain = await desk.store.audit_chain()
        length = chain.head_count - chain.anchor_count if chain else 0
        hidden = not sys.stderr.isatty()
        with click.progressbar(length=length, label="Verifying", file=sys.stderr, hidden=hidden) as bar:
            keys = derive_keys(desk.settings, "audit")
            return await verify(desk.store, keys, noted=noted, advance=bar.update)

    report = administer(config, work, check=needs_database)
    if as_json:
        print_json(_members(report))
    else:
        _tell(report)
    if report.finding is not None:
        raise click.exceptions.Exit(1)


def _members(report: Report) -> dict[str, Any]:
    """The members of a report in JSON. Others build on these names."""
    chain, finding = report.chain, report.finding
    return {
        "intact": finding is None,
        "sealed": report.sealed,
        "unsealed": report.unsealed,
        "purged": chain.anchor_count if chain else 0,
        "begun_at": chain.begun_at if chain else None,
        "sealed_at": chain.sealed_at if chain else None,
        "head": chain.head_seal.hex() if chain else None,
        "finding": finding and {"code": finding.code, "position": finding.position, "problem": finding.problem},
    }


def _tell(report: Report) -> None:
    chain = report.chain
    if report.finding is not None:
        problem = report.finding.problem
        click.echo(f"The audit trail is not intact: {problem}.")
    elif chain is None:
        click.echo("Nothing was sealed yet.")
    else:
        click.echo(f"Intact: {report.sealed} events, in a chain begun {moment(chain.begun_at)}.")
    if report.unsealed:
        click.echo(f"{report.unsealed} newer events are not sealed yet.")
    if chain is not None:
        click.echo(
            f"sealed  {moment(chain.sealed_at)}\npurged  {chain.anchor_count} events\nhead    {chain.head_seal.hex()}"
        )


def _seal(text: str) -> bytes:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise click.BadParameter("A head has 64 hexadecimal digits.", param_hint="--head")
    return bytes.fromhex(text)


async def _user_id(who: str | None, desk: Administration) -> str | None:
    """The id of a person, who may be gone by now."""
    if who is None or "@" not in who:
        return who
    return (await find_user(who.strip(), desk.store)).id


def _moment(text: str, now: int) -> int:
    """Unix seconds of a moment in UTC, or of so long ago."""
    try:
        parsed = datetime.fromisoformat(text)
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except ValueError:
        pass  # no moment, so perhaps a duration
    try:
        return now - parse_duration(text)
    except ValueError:
        raise click.BadParameter("Write a day, a moment, or a duration such as 12h.", param_hint="--since") from None
