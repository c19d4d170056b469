"""The `jotary` command. Each noun or verb is a file of its own, loaded when it is asked for."""

import gc
import importlib.util
import sys
from typing import Final

#: What a command needs in all, for those who have none of it yet; the others need the server's.
_EXTRAS: Final = {
    "": "cli",
    "explain": "cli",
    "demo": "demo",
    "login": "cli,native",
    "token": "cli,native",
    "logout": "cli,native",
}


def main() -> None:
    """Run the command line; without its libraries, say which extra brings them."""
    if importlib.util.find_spec("click") is None:
        command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        extra = _EXTRAS.get(command, "server")
        sys.stderr.write(f"Error: the jotary command needs click. Install it with: pip install 'jotary[{extra}]'\n")
        sys.exit(1)
    gc.disable()  # until the command is loaded: code stays, and to look for garbage in it is a tenth of the start
    try:
        from jotary.cli.group import jotary  # noqa: PLC0415 -- after the check above

        jotary.main(prog_name="jotary")
    except KeyboardInterrupt:  # while it was loaded; later click says the same
        sys.stderr.write("\nAborted!\n")
        sys.exit(1)
