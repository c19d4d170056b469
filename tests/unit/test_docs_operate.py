"""The pages for operators name what there is: settings, events, log lines, links and bounds."""

import ast
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from jotary.cli import serve
from jotary.server.settings import Settings
from jotary.tokens.revocation_feed import MAX_WAIT

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NAMES = ("operate", "deploy", "proxies", "sizing", "upgrades", "incidents", "sign-in", "keys", "postgresql")
PAGES = [DOCS / f"{name}.md" for name in NAMES]
SETTINGS = {field.name for field in msgspec.structs.fields(Settings)}
#: What an event is called: what it is about, and what happened to it.
EVENT = re.compile(r"`((?:sign_in|session|code|client|user|consent|key|token)\.[a-z_]+)`")
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def texts_in_the_server() -> set[str]:
    """Every text that stands in the server's code."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "src/jotary/server").rglob("*.py"))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def blocks(page: Path, language: str) -> list[str]:
    """The page's blocks of code in a language."""
    return [code for found, code in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_in_an_example_is_one(page: Path) -> None:
    """A misspelled one would be refused at the next start."""
    named = {name for block in blocks(page, "toml") for name in tomllib.loads(block)}
    variables = re.findall(r"\bJOTARY_([A-Z_0-9]+)\b", page.read_text(encoding="utf-8"))
    assert named | {variable.lower() for variable in variables} <= SETTINGS


def test_every_event_and_log_line_is_one() -> None:
    """Somebody will search for exactly this text, at a bad moment."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    lines = {"request_failed", "periodic_work_failed", "unavailable", "periodic_work_unavailable"}
    events = set(EVENT.findall(text))
    assert {"session.reuse_detected", "sign_in.limited"} <= events
    assert events | lines | {"key_rotation_overdue"} <= texts_in_the_server()


def test_the_proxy_waits_longer_than_the_feed() -> None:
    """Or an API's long-poll ends in 504 instead of an answer."""
    timeouts = re.findall(r"proxy_read_timeout (\d+)s", (DOCS / "proxies.md").read_text(encoding="utf-8"))
    assert timeouts
    assert all(int(timeout) > MAX_WAIT for timeout in timeouts)


def test_idle_connections_outlive_the_proxys_own() -> None:
    """Caddy keeps its own for 120 seconds, Traefik for 90, nginx for 60: whoever closes first must not be jotary."""
    assert serve._KEEP_ALIVE_BEHIND_PROXY > 120
    assert f"connections open for {serve._KEEP_ALIVE_BEHIND_PROXY} seconds" in (DOCS / "proxies.md").read_text()


def test_the_outermost_proxy_replaces_the_header() -> None:
    """An address that a client has made up must not stand in the list (`web/forwarded.py`)."""
    (site, *_) = blocks(DOCS / "proxies.md", "nginx")
    headers = dict(re.findall(r"proxy_set_header +(\S+) +([^;]+);", site))
    assert headers == {"Connection": '""', "Host": "$host", "X-Forwarded-For": "$remote_addr"}
    for block in blocks(DOCS / "proxies.md", "nginx")[1:]:
        assert "proxy_set_header" not in block  # one would undo all of the server's (nginx's rule of inheritance)


def test_every_page_is_in_one_table_of_contents() -> None:
    """A page that none has is found by nobody."""
    trees = re.findall(r"```\{toctree\}\n:caption: [^\n]+\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    listed = [name for tree in trees for name in tree.split()]
    assert sorted(listed) == sorted({*listed})
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} == {name for name in listed if "/" not in name}
