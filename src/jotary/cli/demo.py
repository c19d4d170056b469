"""`jotary demo`: User API, ToDo API and ToDo web on loopback, with a person and the clients made."""

import signal
import sys
import tempfile
from pathlib import Path
from typing import Final, NoReturn

import click

from jotary.cli.demonstration.cast import EMAIL
from jotary.cli.demonstration.player import Player
from jotary.cli.demonstration.production import Production, put_on
from jotary.cli.demonstration.stage import Stage, StageError
from jotary.cli.demonstration.story import STORY, play

#: Seconds that access tokens live: short enough to see one expire and be refreshed.
SHOWN_LIFETIME: Final = 60
CHECKED_LIFETIME: Final = 2


@click.command()
@click.option("--check", is_flag=True, help="Walk the whole story without a person, a line for each step, and exit.")
def demo(*, check: bool) -> None:
    """Run User API, ToDo API and ToDo web on this machine, with a person and clients made."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        with tempfile.TemporaryDirectory(prefix="jotary-demo-") as folder, Stage(Path(folder)) as stage:
            if check:
                production = put_on(stage, Path(folder), access_token_lifetime=CHECKED_LIFETIME, leeway=0)
                with production.player() as player:
                    sys.exit(_tell(player))
            _invite(put_on(stage, Path(folder), access_token_lifetime=SHOWN_LIFETIME))
            stage.watch()
    except StageError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("\nStopped.")


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _tell(player: Player) -> int:
    """Print the story; 1 if any step differs."""
    failed = 0
    for number, (name, report) in enumerate(play(player), 1):
        failed += not report.is_as_expected
        mark = click.style("ok  ", fg="green") if report.is_as_expected else click.style("FAIL", fg="red", bold=True)
        click.echo(f"{number:2} {mark} {name:<17} {report.sent} → {report.answered}: {report.why}")
    click.echo(f"\n{len(STORY) - failed} of {len(STORY)} steps as they must be.")
    return 1 if failed else 0


def _invite(production: Production) -> None:
    """Print where to go and who to be."""
    docs = f"{production.todo_api}/docs"
    names = {"ToDo web": production.todo_web, "User API": production.issuer, "ToDo API": docs}
    addresses = "\n".join(f"  {click.style(name, bold=True)}   {address}" for name, address in names.items())
    password = click.style(production.cast.password.reveal(), bold=True)
    click.echo(
        f"\n{addresses}\n\n"
        f"  Sign in as {click.style(EMAIL, bold=True)} with the password {password}\n"
        "  or make an account of your own.\n\n"
        f"  Access tokens live {SHOWN_LIFETIME} seconds here: wait, go on, and notice nothing.\n"
        "  Ctrl-C stops everything.\n"
    )
