"""The root of the command line: which commands there are, and what becomes of their failures."""

import gc
import importlib
import importlib.metadata
import os
import sys
from typing import Any, Final

import click

from jotary.cli.complaint import complain

#: name: (where its command is, its help in one line). The file is not loaded before the command runs.
COMMANDS: Final = {
    "demo": ("jotary.cli.demo:demo", "Run User API, ToDo API and ToDo web on this machine."),
    "init": ("jotary.cli.init:init", "Write a jotary.toml with every setting explained, and a secret."),
    "serve": ("jotary.cli.serve:serve", "Run the authorization server."),
    "user": ("jotary.cli.user:user", "Make, list, disable and delete accounts."),
    "client": ("jotary.cli.client:client", "Register the applications that ask for tokens."),
    "session": ("jotary.cli.session:session", "List and revoke sessions."),
    "key": ("jotary.cli.key:key", "List, add, rotate and reseal the keys that sign tokens."),
    "db": ("jotary.cli.db:db", "Make, upgrade and check the database's schema."),
    "backup": ("jotary.cli.backup:backup", "Write everything into FILE, encrypted, and read it back."),
    "restore": (
        "jotary.cli.restore:restore",
        "Bring the backup FILE into the database, and revive nothing that was revoked.",
    ),
    "doctor": ("jotary.cli.doctor:doctor", "Say what is wrong with this deployment, and how to mend it."),
    "audit": ("jotary.cli.audit:audit", "List, seal and verify the audit trail."),
    "explain": ("jotary.cli.explain:explain_token", "Say check by check why an access token is accepted or refused."),
    "login": ("jotary.cli.login:login", "Sign in at an issuer, and keep the session in the keychain."),
    "token": ("jotary.cli.token:token", "Print a fresh access token of the session."),
    "logout": ("jotary.cli.logout:logout", "End the session at the issuer and here."),
}

#: The extra that a command needs as a whole; the others need the server's.
_EXTRAS: Final = {"demo": "demo", "login": "native", "token": "native", "logout": "native"}
_EXTRA: Final = "jotary.extra"  # a key of the context


class _Stub(click.Command):
    """A command by name and help, until it runs."""

    def __init__(self, name: str, target: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._target = target

    def load(self) -> click.Command:
        """The command itself."""
        module, _, name = self._target.partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self._target} is no command")
        if not gc.isenabled():  # as `main` left it
            gc.freeze()
            gc.enable()
        return command


class _Root(click.Group):
    """Loads a command when it runs, and turns what it raises into one line for the person at the keyboard."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Replace the stub by the command."""
        name, command, rest = super().resolve_command(ctx, args)
        ctx.meta[_EXTRA] = _EXTRAS.get(name or "", "server")
        return name, command.load() if isinstance(command, _Stub) else command, rest

    def main(self, *arguments: Any, **extra: Any) -> Any:
        """Run, and end; --help and --version print before `invoke`."""
        try:
            return super().main(*arguments, **extra)
        except OSError as error:
            if os.environ.get("JOTARY_TRACEBACK"):
                raise
            complain(error).show()
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and complain in one line."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, KeyboardInterrupt, BrokenPipeError):
            raise  # click's own business
        except Exception as error:  # the last resort: a traceback helps nobody at a keyboard
            if os.environ.get("JOTARY_TRACEBACK"):
                raise
            raise complain(error, extra=ctx.meta.get(_EXTRA, "server")) from error


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's
    if value and not ctx.resilient_parsing:
        click.echo(f"jotary {importlib.metadata.version('jotary')}")
        ctx.exit()


@click.command(
    cls=_Root,
    commands=[_Stub(name, *entry) for name, entry in COMMANDS.items()],
    # no-color.org: set and not empty
    context_settings={"help_option_names": ["-h", "--help"], "color": False if os.environ.get("NO_COLOR") else None},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def jotary() -> None:
    """Self-hosted identity for Python: sign once, verify anywhere, revoke in a second."""
