"""Print the path of a Chromium that starts, for the browser tests; install one if there is none.

Asked in this order: $JOTARY_CHROMIUM, the PATH, the system's packages (only as root, where apt-get is), Playwright's
own download. Where all fail, nothing is printed, standard error says why, and the browser tests skip themselves; the
banner at the end of the run (tests/plugins/skip_report.py) says it again.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=120", "-qq")


def starts(path: str) -> bool:
    """Whether the browser at `path` runs here: a file alone may lack its libraries, or be a stub for a snap."""
    try:
        result = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def on_path() -> str | None:
    """A browser that is installed already."""
    found = (shutil.which(name) for name in NAMES)
    return next((path for path in found if path and starts(path)), None)


def from_packages() -> str | None:
    """Chromium from the distribution, where we may install it."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update",), ("install", "-y", "--no-install-recommends", "chromium")):
        if subprocess.run([*APT_GET, *command], env=environment, stdout=sys.stderr, check=False).returncode != 0:
            return None
    return on_path()


def from_playwright() -> str | None:
    """Playwright's own build; needs the system's libraries, so it may be there and yet not start."""
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr, check=False)
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if starts(path) else None


def find() -> str | None:
    """The first browser that starts, or None."""
    ways: dict[str, Callable[[], str | None]] = {
        "": on_path,
        "No Chromium on the PATH; trying the system's packages.": from_packages,
        "No Chromium from the system's packages; trying Playwright's download.": from_playwright,
    }
    for message, way in ways.items():
        if message:
            print(message, file=sys.stderr)
        if path := way():
            return path
    return None


def main() -> int:
    """Print the path, or the reason why there is none. Only a wrong $JOTARY_CHROMIUM is an error."""
    if chosen := os.environ.get("JOTARY_CHROMIUM"):
        if not starts(chosen):
            print(f"JOTARY_CHROMIUM={chosen} does not start.", file=sys.stderr)
            return 1
        print(chosen)
        return 0
    if path := find():
        print(path)
        return 0
    print(
        "\n!!! No Chromium here, and none could be installed: THE BROWSER TESTS WILL BE SKIPPED.\n"
        "!!! Install one, or name it: make test JOTARY_CHROMIUM=/path/to/chromium\n",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
