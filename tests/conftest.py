"""Fixtures that every folder of tests shares."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on the machine; `timeout` in pyproject.toml is for what hangs.
settings.register_profile("jotary", deadline=None)
settings.load_profile("jotary")

# Read when a test first asks Django for one (tests/plugins/django_settings.py).
os.environ["DJANGO_SETTINGS_MODULE"] = "django_settings"


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of published test vectors: ``JOTARY_VECTORS``, or ``shared/vectors`` beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "vectors"
    folder = Path(os.environ.get("JOTARY_VECTORS", default))
    if not folder.is_dir():
        pytest.skip(f"no published vectors at {folder}: set JOTARY_VECTORS")
    return folder
