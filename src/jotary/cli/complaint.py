"""What went wrong, in one line, with what to do about it; never a traceback."""

from typing import Final

import click

#: The extra that brings a module, whichever command misses it; every other one comes with the command's extra.
_EXTRAS: Final = {"asyncpg": "postgres"}
_REPORT: Final = "Please report it; JOTARY_TRACEBACK=1 shows where it happened."


def complain(error: Exception, *, extra: str = "server") -> click.ClickException:
    """The complaint about an error that a command raised, which needs an extra.

    Errors are told by what they carry, so that a complaint about settings need not load the database's library.
    """
    problem, hint = explain(error, extra=extra)
    return click.ClickException(f"{problem.rstrip('.')}. {hint}".rstrip())


def explain(error: Exception, *, extra: str = "server") -> tuple[str, str]:
    """What is wrong, and what to do."""
    if isinstance(error, ModuleNotFoundError):
        extra = _EXTRAS.get((error.name or "").partition(".")[0], extra)
        return f"this command needs {error.name}", f"Install it with: pip install 'jotary[{extra}]'"
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}", ""
    hint = getattr(error, "hint", None)
    if hint is not None:  # ours: settings, administration, OAuth, JOSE
        return str(error), str(hint)
    if hasattr(error, "retry_after"):
        return str(error), "Look after it, and try again."
    if type(error).__module__.startswith("jotary."):
        return str(error), ""
    return f"internal error: {type(error).__name__}: {error}", _REPORT
