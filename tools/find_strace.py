"""Make sure that strace is there for the tests that watch fsync from outside; install it if it is not.

Only as root, where apt-get is: for anybody else it would fail. Where it cannot be had, standard error says why, and
those tests skip themselves; the banner at the end of the run (tests/plugins/skip_report.py) says it again.
"""

import os
import shutil
import subprocess
import sys

PROGRAM = PACKAGE = "strace"
APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-qq")


def install() -> None:
    """Install the package of the distribution, where we may."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "-y", "--no-install-recommends", PACKAGE)):
        if subprocess.run([*APT_GET, *command], env=environment, stdout=sys.stderr, check=False).returncode:
            return


def main() -> int:
    """Install what is missing; it is no error that it cannot be had, except in CI, where a skip is one."""
    if shutil.which(PROGRAM) is None and sys.platform == "linux":
        print(f"No {PROGRAM} here; trying the system's packages.", file=sys.stderr)
        install()
    if shutil.which(PROGRAM) is None:
        print(
            "\n!!! There is no strace here: THE TESTS OF WHAT REACHES THE DISK WILL BE SKIPPED.\n"
            f"!!! On Linux, install: {PACKAGE}\n",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
