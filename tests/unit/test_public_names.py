"""Examples and documentation use what users may use: the public names, as they are today."""

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

ROOT = Path(__file__).parents[2]
PUBLIC = {
    "jotary",
    "jotary.jose",
    "jotary.verifier",
    "jotary.client",
    "jotary.client.bff",
    "jotary.client.native",
    "jotary.testing",
}
INTEGRATION = re.compile(r"jotary\.integrations\.[a-z]\w*")
PYTHON_BLOCK = re.compile(r"^```(?:python|\{testcode\})\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
DOTTED_NAME = re.compile(r"`(jotary(?:\.(?!toml|secret|db)\w+)+)`")  # and not the names of files
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    (ROOT / "docs").glob("**/*.md")
)
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))


class Import(NamedTuple):
    """One name of jotary that some code imports; `name` is None for `import module`."""

    module: str
    name: str | None


def imports(code: str) -> Iterator[Import]:
    """Everything that `code` imports from jotary."""
    for node in ast.walk(compile(code, "<example>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None) for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and _is_ours(node.module):
            yield from (Import(node.module, alias.name) for alias in node.names)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "jotary"


def is_public(used: Import) -> bool:
    """Whether users may import this: a public module, and a name that it lists in `__all__`."""
    if used.module not in PUBLIC and not INTEGRATION.fullmatch(used.module):
        return False
    return used.name is None or used.name in importlib.import_module(used.module).__all__


def exists(dotted_name: str) -> bool:
    """Whether `jotary.a.b` is a module, or a name in one."""
    module, _, name = dotted_name.rpartition(".")
    try:
        return importlib.util.find_spec(dotted_name) is not None or hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:  # a part before the last one
        return False


def code_blocks(page: Path) -> Iterator[str]:
    """The Python on a page."""
    return (match["code"] for match in PYTHON_BLOCK.finditer(page.read_text(encoding="utf-8")))


def label(path: Path) -> str:
    """The path as a reader knows it."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", EXAMPLES, ids=label)
def test_an_example_imports_public_names_only(path: Path) -> None:
    """docs/architecture.md: an example shows what any user can do."""
    assert [used for used in imports(path.read_text(encoding="utf-8")) if not is_public(used)] == []


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_python_in_the_documentation_imports_public_names_only(page: Path) -> None:
    """A reader copies it, so it has to compile, and its imports have to be there."""
    assert [used for block in code_blocks(page) for used in imports(block) if not is_public(used)] == []


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_python_in_the_documentation_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page, one after the other, as a reader would try them; no issuer is called while they load."""
    module = ModuleType("documentation")
    monkeypatch.setitem(sys.modules, "documentation", module)  # where Litestar looks for the names of annotations
    for block in code_blocks(page):
        exec(compile(block, label(page), "exec"), module.__dict__)  # noqa: S102 -- our own pages, in a test


def test_the_api_of_the_readme_refuses_who_has_no_token() -> None:
    """README.md, "Protect an API": what it shows does protect."""
    (block,) = code_blocks(ROOT / "README.md")
    names: dict[str, Any] = {"__name__": "documentation"}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 -- our own page, in a test
    with TestClient(names["app"]) as client:
        answer = client.get("/tasks")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_the_documentation_names_modules_that_exist(page: Path) -> None:
    """A name such as `jotary.jose` on a page is followed by readers."""
    names = DOTTED_NAME.findall(page.read_text(encoding="utf-8"))
    assert [name for name in names if not exists(name)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import jotary.jose.algorithms",
        "from jotary.jose.algorithms import ES256",
        "from jotary.jose import algorithms",
        "from jotary.server.model.user import User",
        "from jotary.integrations import fastapi",
        "def later():\n    from jotary.oauth import pkce",
    ],
)
def test_what_is_not_public_is_refused(code: str) -> None:
    """The rule above, shown what it must find."""
    assert not all(is_public(used) for used in imports(code))


def test_what_is_public_is_accepted() -> None:
    """And what it must let pass; other packages are not its business."""
    used = list(imports("import json\nfrom jotary.jose import Key, jws\nimport jotary.jose\nawait jws.verify()"))
    assert len(used) == 3
    assert all(is_public(one) for one in used)


def test_the_readme_shows_code() -> None:
    """Without a block the rules above would hold of themselves."""
    assert any("TokenVerifier" in block for block in code_blocks(ROOT / "README.md"))


def test_a_module_that_is_not_there_is_found_missing() -> None:
    """The check of names in the documentation, shown what it must find."""
    assert exists("jotary.jose.Key")
    assert not exists("jotary.jose.Kex")
    assert not exists("jotary.josey.Key")
