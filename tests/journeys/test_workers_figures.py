"""Two workers, one place for their figures: what each counted is there, and adds up."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

JOTARY = str(Path(sys.executable).with_name("jotary"))
REQUESTS = 40


def free_port() -> int:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def fetch(url: str) -> str:
    """What is answered there."""
    with urlopen(url, timeout=10) as response:  # noqa: S310 -- a server of this test, on loopback
        return str(response.read().decode())


def healthy(text: str) -> int:
    """Requests for /health that all workers have answered."""
    pattern = r'jotary_http_request_duration_seconds_count\{endpoint="/health".*\} (\d+)'
    return sum(int(count) for count in re.findall(pattern, text))


def test_two_workers_figures_add_up(tmp_path: Path) -> None:
    """Each sample has its worker's number."""
    port, figures = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JOTARY_")}
    environment |= {"JOTARY_ISSUER": f"http://127.0.0.1:{port}", "JOTARY_METRICS_LISTEN": f"127.0.0.1:{figures}"}
    with (tmp_path / "log").open("w") as log:
        command = [JOTARY, "serve", "--workers", "2"]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        text = ""
        while len(re.findall(r"jotary_worker_up\{.*\} 1", text)) < 2:
            assert process.poll() is None, (tmp_path / "log").read_text()
            with suppress(OSError):
                text = fetch(f"http://127.0.0.1:{figures}/metrics")
            time.sleep(0.1)
        for _ in range(REQUESTS):
            fetch(f"http://127.0.0.1:{port}/health")
        text = fetch(f"http://127.0.0.1:{figures}/metrics")
        assert healthy(text) == REQUESTS
        assert set(re.findall(r'jotary_build_info\{.*worker="(\d+)"', text)) == {"0", "1"}
        assert text.count("# TYPE jotary_http_request_duration_seconds histogram") == 1
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert process.returncode == 0
