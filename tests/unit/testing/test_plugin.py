"""The plugin of pytest, in runs of pytest as a user starts them."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "test-your-api.md"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)

API = """
from fastapi import Depends, FastAPI
from jotary.integrations.fastapi import JotarySecurity

def create_app(verifier, *scopes):
    app, security = FastAPI(), JotarySecurity(verifier)

    @app.get("/tasks", dependencies=[Depends(security.require(*scopes))])
    async def tasks(): return []

    return app
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest on a test module, with our plugin alone and every warning an error."""

    def run(code: str, *arguments: str, configuration: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_api.py").write_text(code, encoding="utf-8")
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nstrict = true\n{configuration}", encoding="utf-8")
        command = [
            sys.executable,
            "-W",
            "error",
            "-m",
            "pytest",
            "-p",
            "jotary.testing.plugin",
            "-p",
            "no:cacheprovider",
        ]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        environment["PYTHONPATH"] = str(ROOT / "src")
        return subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_it_is_found_by_pytest() -> None:
    """The entry point."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"jotary": "jotary.testing.plugin"}


def test_loading_it_loads_nothing_else() -> None:
    """It is loaded in every run of pytest, also in those of other projects on the same machine."""
    code = (
        "import sys, pytest; before = set(sys.modules); import jotary.testing.plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["jotary", "jotary.testing", "jotary.testing.plugin"]


def test_each_attack_is_a_test_of_its_own_in_junit(run: Run, tmp_path: Path) -> None:
    """An intact API passes all of them."""
    test = """
def test_forged_tokens_are_refused(jotary_attacks, jotary_issuer):
    jotary_attacks(create_app(jotary_issuer.verifier(), "todo:read"), "/tasks", scopes=["todo:read"])
"""
    result = run(API + test, "--junitxml=junit.xml")
    assert result.returncode == 0, result.stdout
    cases = ET.parse(tmp_path / "junit.xml").findall(".//testcase")  # noqa: S314 -- pytest wrote it
    names = {case.get("name") for case in cases}
    assert "test_forged_tokens_are_refused[alg none]" in names
    assert len(names) > 90


def test_a_failure_names_the_missing_check_in_junit_and_at_the_end(run: Run, tmp_path: Path) -> None:
    """Once for each attack, with the way to mend it; and all of them together in the summary."""
    test = """
def test_forged_tokens_are_refused(jotary_attacks, jotary_issuer):
    jotary_attacks(create_app(jotary_issuer.verifier()), "/tasks", scopes=["todo:read"])
"""
    result = run(API + test, "--junitxml=junit.xml")
    assert result.returncode == 1
    document = ET.parse(tmp_path / "junit.xml")  # noqa: S314 -- pytest wrote it
    failed = {case.get("name"): case for case in document.findall(".//testcase[failure]")}
    assert {str(name).partition("[")[2] for name in failed} == {
        *("no scope]", "scope is empty]", "another scope]", "one scope too few]"),
        *("scopes are parts of longer ones]", "scopes in capitals]"),
    }
    for case in failed.values():
        assert "missing check: scope" in str(case.findtext("failure"))
        (missing,) = case.findall("properties/property")
        assert (missing.get("name"), missing.get("value")) == ("jotary_missing_check", "scope")
    assert re.search(r"= checks that the API lacks =+\nscope: 6 forged requests were let in", result.stdout)
    assert "firing.py" not in result.stdout


def test_the_tokens_are_of_the_issuer_that_the_configuration_names(run: Run) -> None:
    """At the time that the clock says."""
    test = """
import pytest
from jotary import InvalidToken

def test_tokens(jotary_token, jotary_issuer, jotary_clock):
    assert (jotary_issuer.issuer, jotary_issuer.audience) == ("https://id.example.com", "https://todo.example.com")
    token = jotary_token(sub="ada", scopes=["todo:read"])
    principal = jotary_issuer.verifier().verify(token)
    assert (principal.subject, principal.scopes) == ("ada", {"todo:read"})
    jotary_clock.advance(3600)
    with pytest.raises(InvalidToken, match="exp"):
        jotary_issuer.verifier().verify(token)
    assert jotary_issuer.signing_key.alg == "EdDSA"
"""
    names = "jotary_issuer = https://id.example.com\njotary_audience = https://todo.example.com\n"
    result = run(test, configuration=f"{names}jotary_algorithm = EdDSA\n")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("configuration", "marker"),
    [("jotary_provider = okta", ""), ("", '"okta"'), ("jotary_provider = auth0", '"okta", audience="api://todo"')],
    ids=["configuration", "marker", "both"],
)
def test_the_tokens_can_be_those_of_a_provider(run: Run, configuration: str, marker: str) -> None:
    """The nearest word counts."""
    mark = f"@pytest.mark.jotary_provider({marker})" if marker else ""
    test = f"""
import pytest

{mark}
def test_tokens(jotary_token, jotary_issuer):
    principal = jotary_issuer.verifier().verify(jotary_token(sub="ada", scopes=["todo:read"]))
    assert principal.issuer == "https://example.okta.com/oauth2/default"
    assert principal.scopes == {{"todo:read"}}
    assert principal.claims["cid"] == principal.client_id
"""
    result = run(test, configuration=configuration + "\n")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("arguments", "configuration", "marker"),
    [
        (["--jotary-level=essential"], "", ""),
        ([], "jotary_level = essential", ""),
        (["--jotary-level=strict"], "jotary_level = strict", "level='essential'"),
    ],
    ids=["command line", "configuration", "marker"],
)
def test_the_level_can_be_chosen(run: Run, arguments: list[str], configuration: str, marker: str) -> None:
    """The nearest word counts."""
    test = f"""
import pytest
@pytest.mark.jotary_attacks({marker})
def test_attacks(jotary_attacks): ...
"""
    listed = run(test, "--collect-only", "-q", *arguments, configuration=configuration).stdout
    assert "test_attacks[alg none]" in listed
    assert "test_attacks[typ missing]" not in listed


def test_attacks_can_be_left_out_and_a_misspelt_one_is_an_error(run: Run) -> None:
    """By name or by check."""
    test = """
import pytest
@pytest.mark.jotary_attacks(without=["alg", "expired"])
def test_attacks(jotary_attacks): ...
"""
    listed = run(test, "--collect-only", "-q").stdout
    assert "test_attacks[exp missing]" in listed
    assert "test_attacks[expired]" not in listed
    assert "test_attacks[alg none]" not in listed
    misspelt = run(test.replace("expired", "expiry"), "--collect-only", "-q")
    assert misspelt.returncode != 0
    assert "no attack and no check called 'expiry'" in misspelt.stdout + misspelt.stderr


def test_the_code_of_the_page_runs(run: Run) -> None:
    """docs/test-your-api.md: its blocks, one after the other, are one module of tests."""
    blocks = [match["code"] for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    result = run("\n".join(blocks), "-q")
    assert result.returncode == 0, result.stdout
    assert int(re.search(r"(\d+) passed", result.stdout)[1]) > 90  # type: ignore[index]  # it says so
