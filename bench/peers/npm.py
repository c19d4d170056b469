"""Peers that come from npm: installed into a folder outside of the repository, at their pinned versions."""

import os
import shutil
import subprocess
from pathlib import Path

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


def build(folder: str, *packages: str) -> str:
    """Install packages of which some are compiled, against the headers that came with node; and return where node is.

    A folder that has them already is left as it is.

    Raises:
        Unavailable: node or npm is missing, or npm cannot build it.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Unavailable("node and npm are needed")
    if all((Path(folder) / "node_modules" / package.rpartition("@")[0]).exists() for package in packages):
        return node
    headers = str(Path(node).resolve().parents[1])
    environment = {**os.environ, "npm_config_build_from_source": "true", "npm_config_nodedir": headers}
    options = [option for option in _QUIET if option != "--ignore-scripts"]
    command = [npm, "install", *options, "--prefix", folder, *packages]
    built = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    if built.returncode:
        raise Unavailable(f"npm install of {packages[-1]} ended with {built.returncode}")
    return node
