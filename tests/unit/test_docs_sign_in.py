"""docs/sign-in.md says what stands: the ways in, the limits and the lifetimes (OWASP ASVS 5.0 6.1, 7.1)."""

import ast
import re
from pathlib import Path

import msgspec
import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.password_rules import refusals
from jotary.server.flows.accounts.sign_up import SignUpForm, problems_of
from jotary.server.flows.grants import GRANTS
from jotary.server.settings import Settings
from jotary.server.settings.duration import parse_duration

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8")
FLOWS = ROOT / "src" / "jotary" / "server"
DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Settings)}
ROW = re.compile(r"^\| `(?P<name>[a-z_]+)` \| (?P<default>\w+) \|", re.MULTILINE)


def stated(section: str) -> dict[str, str]:
    """The settings in a section's table, with the default that stands there."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return {row["name"]: row["default"] for row in ROW.finditer(text)}


def callers(name: str) -> set[str]:
    """The server's modules that call a function, without the one that defines it."""
    found = set()
    for path in FLOWS.rglob("*.py"):
        calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        if any(isinstance(call, ast.Name) and call.id == name for call in calls):
            found.add(path.stem)
    return found


def test_the_page_names_every_limit_with_its_default() -> None:
    """Of all settings that hold off attempts."""
    limits = {name for name in DEFAULTS if name.endswith("_attempts")} | {"hash_queue"}
    assert stated("What holds off guessing") == {name: str(DEFAULTS[name]) for name in limits}


def test_the_page_names_every_lifetime_with_its_default() -> None:
    """Of all settings that end what a person or application holds; an ID token opens nothing."""
    ends = {name for name in DEFAULTS if name.endswith("_lifetime")} - {"id_token_lifetime"} | {"refresh_retry_window"}
    found = {name: parse_duration(default) for name, default in stated("How long a sign-in lasts").items()}
    assert found == {name: DEFAULTS[name] for name in ends}


def test_the_page_names_every_way_to_begin_a_sign_in() -> None:
    """What begins a sign-in, the factors, and the grants: a new one must be written down, and as strong."""
    assert callers("AddSignIn") == {"login"}
    assert callers("begin_sign_in") == {"login", "sign_up", "change_password"}
    factors = {path.stem for path in (FLOWS / "flows" / "factors").glob("*.py")} - {"__init__"}
    assert factors == {"password"}
    for name in ("/sign-in", "/sign-up", "/password", *(grant.NAME for grant in GRANTS)):
        assert f"`{name}`" in PAGE


def test_the_page_says_how_many_at_once() -> None:
    """Nothing counts sessions, so that none is pushed out."""
    assert "## Several at once" in PAGE
    assert not {name for name in DEFAULTS if "session" in name} - {"session_idle_lifetime", "session_lifetime"}


@pytest.mark.parametrize("password", ["lovelacebabbage", "zorbikquamley", "Tikoduhub Moralo"])
def test_the_page_lists_the_words_that_make_no_password(password: str) -> None:
    """Each kind of word on the page makes a password bad that is good for anybody else."""
    assert refusals(password, personal=(), min_length=8) == ()
    form = SignUpForm(username="zorbik.quamley@example.com", name="Lovelace Babbage", password=Secret(password))
    problems = problems_of(form, service_name="Tikoduhub Moralo", password_min_length=8)
    assert [problem.field for problem in problems] == ["password"]
    for words in ("e-mail address, whole and in its parts", "their name, whole and in its parts", "`service_name`"):
        assert words in PAGE
