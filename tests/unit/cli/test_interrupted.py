"""Ends that come from outside: Ctrl-C, and an output that takes no more."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_an_interrupt_while_it_is_loaded_is_no_traceback() -> None:
    """Ctrl-C in the first tenth of a second; later click says the same."""
    program = """
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "jotary.cli.group":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from jotary.cli import main
main()
"""
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (1, "", "\nAborted!\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["user", "--help"], ["db", "current"]])
def test_what_cannot_be_printed_is_said_in_one_line(arguments: list[str]) -> None:
    """As on a full disk: no traceback, and an exit code by which a script knows."""
    command = [sys.executable, "-m", "jotary", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "Error: the system: No space left on device.\n")
