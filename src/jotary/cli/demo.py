"""`jotary demo`: User API, ToDo API and ToDo web on loopback, with a person and the clients made."""

import asyncio
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import click

from jotary.cli.demonstration.cast import EMAIL, SWAGGER, WEB, Cast, assemble
from jotary.cli.demonstration.player import Player
from jotary.cli.demonstration.stage import Stage, StageError, free_ports
from jotary.cli.demonstration.story import STORY, play
from jotary.oauth.secret import Secret
from jotary.server.settings import Settings

#: Seconds that access tokens live: short enough to see one expire and be refreshed.
SHOWN_LIFETIME = 60
CHECKED_LIFETIME = 2


@click.command()
@click.option("--check", is_flag=True, help="Walk the whole story without a person, a line for each step, and exit.")
def demo(*, check: bool) -> None:
    """Run User API, ToDo API and ToDo web on this machine, with a person and clients made."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        with tempfile.TemporaryDirectory(prefix="jotary-demo-") as folder, Stage(Path(folder)) as stage:
            _perform(stage, Path(folder), check=check)
    except StageError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("\nStopped.")


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _perform(stage: Stage, folder: Path, *, check: bool) -> None:
    ports = free_ports()
    # Two host names for one machine: cookies do not know ports, and the two apps must not see each other's.
    issuer, todo_api = (f"http://127.0.0.1:{port}" for port in ports[:2])
    todo_web = f"http://localhost:{ports[2]}"
    lifetime = CHECKED_LIFETIME if check else SHOWN_LIFETIME
    secret = secrets.token_urlsafe(32)
    database = f"sqlite:///{folder / 'users.db'}"
    settings = Settings(issuer=issuer, database=database, secret=Secret(secret), access_token_lifetime=lifetime)
    cast = asyncio.run(assemble(settings, todo_api=todo_api, todo_web=todo_web))
    stage.start(
        "user-api",
        "jotary.server.app:from_environment",
        port=ports[0],
        path="/ready",
        environment={
            "JOTARY_ISSUER": issuer,
            "JOTARY_DATABASE": database,
            "JOTARY_SECRET": secret,
            "JOTARY_ACCESS_TOKEN_LIFETIME": str(lifetime),
            "JOTARY_SERVICE_NAME": "User API",
        },
    )
    _start_todo(stage, folder, cast, ports=ports, issuer=issuer, todo_api=todo_api, todo_web=todo_web, check=check)
    if check:
        sys.exit(_tell(Player(issuer=issuer, todo_api=todo_api, todo_web=todo_web, cast=cast)))
    _invite(cast, issuer=issuer, todo_api=todo_api, todo_web=todo_web)
    stage.watch()


def _start_todo(
    stage: Stage,
    folder: Path,
    cast: Cast,
    *,
    ports: tuple[int, int, int],
    issuer: str,
    todo_api: str,
    todo_web: str,
    check: bool,
) -> None:
    shared = {"TODO_ISSUER": issuer, "TODO_AUDIENCE": todo_api}
    stage.start(
        "todo-api",
        "todo.api.app:from_environment",
        port=ports[1],
        path="/openapi.json",
        environment={
            **shared,
            "TODO_DATABASE": str(folder / "todo.db"),
            "TODO_SWAGGER_CLIENT_ID": SWAGGER,
            "TODO_LEEWAY": "0" if check else "5",
        },
    )
    stage.start(
        "todo-web",
        "todo.web.app:from_environment",
        port=ports[2],
        path="/",
        environment={
            **shared,
            "TODO_API_URL": todo_api,
            "TODO_WEB_URL": todo_web,
            "TODO_CLIENT_ID": WEB,
            "TODO_CLIENT_SECRET": cast.web_secret.reveal(),
            "TODO_SECRET": secrets.token_urlsafe(32),
        },
    )


def _tell(player: Player) -> int:
    """Print the story; 1 if any step differs."""
    failed = 0
    for number, (name, report) in enumerate(play(player), 1):
        failed += not report.is_as_expected
        mark = click.style("ok  ", fg="green") if report.is_as_expected else click.style("FAIL", fg="red", bold=True)
        click.echo(f"{number:2} {mark} {name:<17} {report.sent} → {report.answered}: {report.why}")
    click.echo(f"\n{len(STORY) - failed} of {len(STORY)} steps as they must be.")
    return 1 if failed else 0


def _invite(cast: Cast, *, issuer: str, todo_api: str, todo_web: str) -> None:
    """Print where to go and who to be."""
    bold = {"bold": True}
    click.echo(
        f"""
  {click.style("ToDo web", **bold)}   {todo_web}
  {click.style("User API", **bold)}   {issuer}
  {click.style("ToDo API", **bold)}   {todo_api}/docs

  Sign in as {click.style(EMAIL, **bold)} with the password {click.style(cast.password.reveal(), **bold)}
  or make an account of your own.

  Access tokens live {SHOWN_LIFETIME} seconds here: wait, go on, and notice nothing. Ctrl-C stops everything.
"""
    )
