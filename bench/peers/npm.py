"""Peers that come from npm: installed into a folder outside of the repository, at their pinned versions."""

import shutil
import subprocess

_QUIET = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")


class Unavailable(Exception):  # noqa: N818 -- not a fault: the peer is left out
    """A peer that is not to be had here, and why."""


def install(folder: str, *packages: str) -> str:
    """Install into the folder, and return where node is.

    Raises:
        Unavailable: node or npm is missing, or npm cannot install it.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Unavailable("node and npm are needed")
    command = [npm, "install", *_QUIET, "--prefix", folder, *packages]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if installed.returncode:
        raise Unavailable(f"npm install ended with {installed.returncode}")
    return node
