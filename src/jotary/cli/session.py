"""`jotary session`: who is signed in through which client."""

from pathlib import Path
from typing import Any

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer, needs_database
from jotary.cli.output import moment, print_json, print_rows
from jotary.server.flows.administration.end_sessions import end_session, end_sessions_of_user
from jotary.server.flows.administration.user_standing import find_user
from jotary.server.model.session import Session

_PAGE = 500  # sessions read at once


@click.group()
def session() -> None:
    """List and revoke sessions."""


@session.command("list")
@click.option("--user", "who", metavar="EMAIL|ID", help="Of this person only.")
@options.config
@options.as_json
def list_sessions(who: str | None, config: Path | None, *, as_json: bool) -> None:
    """List the sessions that are alive."""

    async def work(desk: Administration) -> list[Session]:
        if who is None:
            found = await _all(desk)
        else:
            person = await find_user(who.strip(), desk.store)
            found = list(await desk.store.sessions_of_user(person.id))
        return [each for each in found if each.is_alive(desk.now)]

    rows = [_members(each) for each in administer(config, work, check=needs_database if who else None)]
    if as_json:
        print_json(rows)
        return
    shown = [{**row, "refreshed": moment(row["rotated_at"]), "ends": moment(row["expires_at"])} for row in rows]
    print_rows(shown, ["id", "user_id", "client_id", "refreshed", "ends"], nothing="Nobody is signed in.")


@session.command()
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--user", "who", metavar="EMAIL|ID", help="Everything that this person has open.")
@options.config
def revoke(session_id: str | None, who: str | None, config: Path | None) -> None:
    """End one session, or all of a person's; every API refuses their tokens at once."""
    if (session_id is None) == (who is None):
        raise click.UsageError("Name either a session or a --user.")

    async def work(desk: Administration) -> str:
        if session_id is not None:
            ended = await end_session(session_id, store=desk.store, now=desk.now, settings=desk.settings)
            return f"Revoked the session {ended.id}."
        person = await end_sessions_of_user((who or "").strip(), store=desk.store, now=desk.now, settings=desk.settings)
        return f"Revoked every session of {person.email} ({person.id})."

    click.echo(administer(config, work, check=needs_database))


async def _all(desk: Administration) -> list[Session]:
    found: list[Session] = []
    while page := await desk.store.sessions(after=found[-1].id if found else None, limit=_PAGE):
        found += page
    return found


def _members(found: Session) -> dict[str, Any]:
    """The members of a session in JSON; times in Unix seconds. Others build on these names."""
    return {
        "id": found.id,
        "user_id": found.user_id,
        "client_id": found.client_id,
        "scope": " ".join(found.scopes),
        "audiences": list(found.resources),
        "created_at": found.created_at,
        "rotated_at": found.rotated_at,
        "idle_expires_at": found.idle_expires_at,
        "expires_at": found.expires_at,
    }
