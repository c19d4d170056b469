"""How many files a process may have open."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")

_AS_ALLOWED = """
import resource, sys
from jotary.cli import open_files
soft, hard, count = (int(number) for number in sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
open_files.allow(count)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "count", "then"),
    [(256, 1024, 800, 800), (256, 1024, 2200, 1024), (512, 1024, 400, 512), (1024, 1024, 2200, 1024)],
    ids=["enough", "as many as there may be", "had more", "no room"],
)
def test_a_process_takes_what_it_needs_and_no_more(soft: int, hard: int, count: int, then: int) -> None:
    """Of what the system lets it have; what it had before it keeps (setrlimit(2))."""
    command = [sys.executable, "-c", _AS_ALLOWED, str(soft), str(hard), str(count)]
    seen = subprocess.run(command, capture_output=True, text=True, check=True)
    assert seen.stdout.split() == [str(then), str(hard)]
