"""A folder to read settings from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jotary.server.settings import Loaded, load

Load = Callable[..., Loaded]


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """Read `jotary.toml` with this text (none if None) and these environment variables, in a folder of its own."""

    def read_settings(toml: str | None = None, **environ: str) -> Loaded:
        if toml is not None:
            (tmp_path / "jotary.toml").write_text(toml, encoding="utf-8")
        return load(environ=environ, folder=tmp_path)

    return read_settings
