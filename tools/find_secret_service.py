"""Make sure that a Secret Service can be started for the tests of the keychain; install one if there is none.

Only as root, where apt-get is: for anybody else it would fail. Where it cannot be had, standard error says why, and
those tests skip themselves; the banner at the end of the run (tests/plugins/skip_report.py) says it again.
"""

import os
import shutil
import subprocess
import sys

PROGRAMS = {"dbus-daemon": "dbus", "gnome-keyring-daemon": "gnome-keyring"}
APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-qq")


def missing() -> list[str]:
    """The packages whose programs are not there."""
    return [package for program, package in PROGRAMS.items() if shutil.which(program) is None]


def install(packages: list[str]) -> bool:
    """Install packages of the distribution, where we may."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (("update",), ("install", "-y", "--no-install-recommends", *packages))
    return all(
        subprocess.run([*APT_GET, *command], env=environment, stdout=sys.stderr, check=False).returncode == 0
        for command in commands
    )


def main() -> int:
    """Install what is missing; it is no error that it cannot be had, except in CI, where a skip is one."""
    packages = missing()
    if packages and sys.platform == "linux":
        print(f"No {' and no '.join(packages)} here; trying the system's packages.", file=sys.stderr)
        install(packages)
    if missing():
        print(
            "\n!!! No Secret Service can be started here: THE TESTS OF THE KEYCHAIN WILL BE SKIPPED.\n"
            f"!!! On Linux, install: {' '.join(missing())}\n",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
