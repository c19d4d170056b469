"""Make sure that the programs are there that some tests need; install those that are not.

Only as root, where apt-get is: for anybody else it would fail. Where one cannot be had, standard error says why,
and its tests skip themselves; the banner at the end of the run (tests/plugins/skip_report.py) says it again.
"""

import os
import shutil
import subprocess
import sys

#: Program, the distribution's package, and whose tests need it.
PROGRAMS = (
    ("softhsm2-util", "softhsm2", "KEYS IN AN HSM"),
    ("strace", "strace", "WHAT REACHES THE DISK"),
)
APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-qq")


def install(package: str) -> None:
    """Install a package of the distribution, where we may."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "-y", "--no-install-recommends", package)):
        if subprocess.run([*APT_GET, *command], env=environment, stdout=sys.stderr, check=False).returncode:
            return


def main() -> int:
    """Install what is missing; it is no error that it cannot be had, except in CI, where a skip is one."""
    for program, package, what in PROGRAMS:
        if shutil.which(program) is None and sys.platform == "linux":
            print(f"No {program} here; trying the system's packages.", file=sys.stderr)
            install(package)
        if shutil.which(program) is None:
            print(
                f"\n!!! There is no {program} here: THE TESTS OF {what} WILL BE SKIPPED.\n"
                f"!!! On Linux, install: {package}\n",
                file=sys.stderr,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
