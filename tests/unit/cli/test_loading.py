"""What a server does not need, it does not load: each library is time at the start, and memory for good."""

import secrets
import subprocess
import sys
from pathlib import Path

_START = """
import asyncio, os, sys
from pathlib import Path
import jotary.cli.serve
from jotary.server.app import create_app
from jotary.server.settings import load

async def start():
    async with create_app(load(environ=os.environ, folder=Path()).settings).running():
        Path("loaded").write_text(" ".join(sys.modules))

asyncio.run(start())
"""


def test_a_server_on_sqlite_loads_neither_another_database_nor_what_it_does_not_use(tmp_path: Path) -> None:
    """No PostgreSQL, no figures, no traces; and no migrations, from the second start on."""
    environment = {
        "JOTARY_ISSUER": "https://id.example.com",
        "JOTARY_DATABASE": "sqlite:///jotary.db",
        "JOTARY_SECRET": secrets.token_urlsafe(32),
        "PYTHONPATH": ":".join(str(Path(path).resolve()) for path in sys.path),
    }
    command = [sys.executable, "-c", _START]
    for _ in range(2):
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    loaded = set((tmp_path / "loaded").read_text(encoding="utf-8").split())
    assert "sqlalchemy.dialects.sqlite" in loaded
    needless = {"sqlalchemy.dialects.postgresql", "asyncpg", "alembic", "prometheus_client", "opentelemetry", "zxcvbn"}
    assert not needless & loaded
