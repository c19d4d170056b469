"""The examples in docstrings are run."""

import doctest
import importlib
import pkgutil

import pytest

import jotary


def _refuse(package: str) -> None:
    """Without this, a package that cannot be imported would be passed over with all that is in it."""
    raise ImportError(package)


MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(jotary.__path__, "jotary.", onerror=_refuse)
    if not module.name.endswith("__main__") and ".migrations." not in module.name  # these act when they are imported
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name: str) -> None:
    """CONTRIBUTING.md, "Habits": documentation that is not run goes stale."""
    failures, _ = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert failures == 0


def test_every_layer_is_walked() -> None:
    """An empty list would pass, too."""
    assert {"jotary.jose.jws", "jotary.oauth.pkce", "jotary.tokens.access_token"} <= set(MODULES)
