"""`jotary user`: accounts."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from jotary.cli import options
from jotary.cli.administration import Administration, Check, administer, needs_database
from jotary.cli.output import moment, print_json, print_record, print_rows
from jotary.oauth.secret import Secret
from jotary.server.flows.administration import user_standing
from jotary.server.flows.administration.create_user import NewUser, check_new_user, create_user
from jotary.server.flows.administration.set_password import set_password
from jotary.server.model.user import User
from jotary.server.passwords import HashingPool

_PAGE = 500  # people read at once


@click.group()
def user() -> None:
    """Make, list, disable and delete accounts, and set their passwords."""


@user.command()
@click.argument("email")
@click.option("--name", help="What they are called.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--admin", "is_admin", is_flag=True, help="Let them administer this server.")
@options.config
@options.as_json
def create(
    email: str, name: str | None, config: Path | None, *, password_stdin: bool, is_admin: bool, as_json: bool
) -> None:
    """Make an account for EMAIL. The password is asked for, unless it comes on standard input."""
    password = _first_line() if password_stdin else _ask_twice()
    new = NewUser(email=email.strip(), name=name, password=password, is_admin=is_admin)

    async def work(desk: Administration, hasher: HashingPool) -> User:
        return await create_user(
            new, store=desk.store, hasher=hasher, entropy=desk.entropy, settings=desk.settings, now=desk.now
        )

    person = _hashing(config, work, check=lambda settings: check_new_user(new, settings))
    _print(person, as_json=as_json)


@user.command("set-password")
@click.argument("who", metavar="EMAIL|ID")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--keep-sessions", is_flag=True, help="Leave open what is open.")
@options.config
@options.as_json
def change_password(who: str, config: Path | None, *, password_stdin: bool, keep_sessions: bool, as_json: bool) -> None:
    """Give an account another password; its sign-ins, sessions and tokens end at once.

    The password is asked for, unless it comes on standard input.
    """
    password = _first_line() if password_stdin else _ask_twice()

    async def work(desk: Administration, hasher: HashingPool) -> User:
        return await set_password(
            who.strip(),
            password,
            keep_sessions=keep_sessions,
            store=desk.store,
            hasher=hasher,
            now=desk.now,
            settings=desk.settings,
        )

    _print(_hashing(config, work, check=needs_database), as_json=as_json)


@user.command("list")
@options.config
@options.as_json
def list_users(config: Path | None, *, as_json: bool) -> None:
    """List the accounts, oldest first."""
    people = administer(config, _everybody)
    if as_json:
        print_json([_members(person) for person in people])
        return
    rows = [{**_members(person), "created": moment(person.created_at), "state": _state(person)} for person in people]
    print_rows(rows, ["id", "email", "name", "state", "created"], nothing="There is no account yet.")


@user.command()
@click.argument("who", metavar="EMAIL|ID")
@options.config
@options.as_json
def disable(who: str, config: Path | None, *, as_json: bool) -> None:
    """Disable an account: no sign-in any more, and its sessions and tokens end at once."""
    _print(_change(user_standing.disable, who, config), as_json=as_json)


@user.command()
@click.argument("who", metavar="EMAIL|ID")
@options.config
@options.as_json
def enable(who: str, config: Path | None, *, as_json: bool) -> None:
    """Let a disabled account sign in again."""
    _print(_change(user_standing.enable, who, config), as_json=as_json)


@user.command()
@click.argument("who", metavar="EMAIL|ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.config
def delete(who: str, config: Path | None, *, yes: bool) -> None:
    """Delete an account with its sessions and consents. Its id is never given to anybody else."""
    if not yes:
        click.confirm(f"Delete {who} for good?", abort=True, err=True)
    gone = _change(user_standing.delete, who, config)
    click.echo(f"Deleted {gone.email} ({gone.id}).")


def _change(decide: user_standing.Decide, who: str, config: Path | None) -> User:
    async def work(desk: Administration) -> User:
        return await user_standing.change_standing(
            decide, who.strip(), store=desk.store, now=desk.now, settings=desk.settings
        )

    return administer(config, work, check=needs_database)


def _hashing(
    config: Path | None, work: Callable[[Administration, HashingPool], Awaitable[User]], *, check: Check
) -> User:
    async def with_pool(desk: Administration) -> User:
        hasher = HashingPool(workers=1)
        try:
            return await work(desk, hasher)
        finally:
            hasher.close()

    return administer(config, with_pool, check=check)


async def _everybody(desk: Administration) -> list[User]:
    people: list[User] = []
    while page := await desk.store.users(after=people[-1].id if people else None, limit=_PAGE):
        people += page
    return people


def _first_line() -> Secret:
    line = sys.stdin.buffer.readline()
    try:
        return Secret(line.decode().rstrip("\r\n"))
    except UnicodeDecodeError:
        raise click.ClickException("The password on standard input is not UTF-8 text.") from None


def _ask_twice() -> Secret:
    if not sys.stdin.isatty():
        raise click.ClickException("There is no terminal to ask for a password. Pipe it in with --password-stdin.")
    return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _print(person: User, *, as_json: bool) -> None:
    members = _members(person)
    if as_json:
        print_json(members)
    else:
        print_record({**members, "created_at": moment(person.created_at), "disabled_at": moment(person.disabled_at)})


def _members(person: User) -> dict[str, Any]:
    """The members of a person in JSON; times in Unix seconds. Others build on these names."""
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "email_verified": person.email_verified,
        "is_admin": person.is_admin,
        "created_at": person.created_at,
        "disabled_at": person.disabled_at,
    }


def _state(person: User) -> str:
    if not person.is_active:
        return "disabled"
    return "administrator" if person.is_admin else "active"
