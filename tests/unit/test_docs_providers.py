"""The code on docs/providers.md, run as it stands there, and the providers that the page must name."""

import re
from pathlib import Path
from typing import Any

import pytest

from jotary import MultiIssuerVerifier, TokenVerifier
from jotary.verifier.providers import PROVIDERS

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page defines, from its first block to its last."""
    found: dict[str, Any] = {"__name__": "example"}
    for block in BLOCK.findall(PAGE):
        exec(compile(block, "docs/providers.md", "exec"), found)  # noqa: S102 -- our own documentation
    return found


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - {"jotary"}))
def test_the_page_shows_every_provider(names: dict[str, Any], provider: str) -> None:
    """One that is not on the page cannot be set up."""
    assert isinstance(names[provider], TokenVerifier)
    assert f'for_provider("{provider}"' in PAGE.replace("(\n    ", "(")


def test_the_page_shows_several_issuers(names: dict[str, Any]) -> None:
    """The last section but one; its verifier takes both."""
    both = MultiIssuerVerifier([names["ours"], names["theirs"]])
    assert both.issuers == ("https://id.example.com", "https://tenant.eu.auth0.com/")


def test_every_provider_says_what_was_read_and_that_no_tenant_was_asked() -> None:
    """A preset rests on published pages alone, and the reader must know."""
    assert "They were not run against live tenants." in PAGE.replace("\n", " ")
    assert PAGE.count("\nRead: ") == len(PROVIDERS) - 1
