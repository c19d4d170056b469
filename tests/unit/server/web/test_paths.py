"""A path is looked up below the place where the application is mounted."""

import pytest

from jotary.server.web.paths import _path_below


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        ("", "/token", "/token"),
        ("/auth", "/auth/token", "/token"),
        ("/auth/", "/auth/token", "/token"),
        ("/auth", "/auth/auth/token", "/auth/token"),
        ("/auth", "/token", "/token"),
        ("/to", "/token", "/token"),
    ],
)
def test_the_place_of_the_application_is_taken_off(root: str, path: str, below: str) -> None:
    """ASGI: `path` holds `root_path`, where the server follows the standard; whole segments only."""
    assert _path_below(root, path) == below
