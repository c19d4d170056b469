"""Peers that come from Python's package index: each in a virtual environment of its own, outside of the repository."""

import subprocess
import sys
from pathlib import Path

from bench.peers.npm import Unavailable

_INSTALLED = "installed.txt"


def install(folder: Path, *requirements: str) -> Path:
    """Make the environment, and return its folder of programs. One that has just these is left as it is.

    Raises:
        Unavailable: pip cannot install them.
    """
    programs, wanted, kept = folder / "bin", "\n".join(requirements), folder / _INSTALLED
    if kept.exists() and kept.read_text(encoding="utf-8") == wanted:
        return programs
    _run(sys.executable, "-m", "venv", str(folder), seconds=120)
    _run(str(programs / "python"), "-m", "pip", "install", "--quiet", *requirements, seconds=300)
    kept.write_text(wanted, encoding="utf-8")
    return programs


def _run(*command: str, seconds: float) -> None:
    try:
        subprocess.run(command, capture_output=True, timeout=seconds, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        raise Unavailable(f"{' '.join(command[1:4])} failed: {error}") from error
