"""What every committed file keeps to: it speaks of the project only, stays small, and silences nothing unreasoned.

Each rule is a function from a file's text to what it finds wrong there; beside each stands a text that it must refuse.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES = 300
FUNCTION_LINES = 45

Rule: TypeAlias = Callable[[str], Iterator[str]]

# Written in pieces where the whole would break the rule that this file checks.
_REGISTRIES = ("py" + r"pi\.(org|io)", "python" + r"hosted\.org", "npm" + r"js\.(org|com)", "yarn" + r"pkg\.com")
REGISTRY_HOST = re.compile("|".join(_REGISTRIES))
INDEX_OPTION = re.compile(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b.*", re.MULTILINE)
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(work|root|tmp|home/\w+|Users/\w+)/[\w.-]*")
VAGUE_NAMES = {"utils", "helpers", "common", "manager", "base", "misc"}
NOQA_WITH_CODES = re.compile(r"noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*(?P<rest>.*)")
IGNORE_WITH_CODES = re.compile(r"type: ignore\[[\w, -]+\]")
REASON = re.compile(r"\w+\W+\w+")  # two words at the least
SKIPS = {
    f"{prefix}.{name}"
    for prefix, names in {
        "pytest": ("skip", "xfail", "importorskip"),
        "pytest.mark": ("skip", "skipif", "xfail"),
    }.items()
    for name in names
}
REASON_COMES_FIRST = {"pytest.skip", "pytest.xfail", "pytest.mark.skip"}


def registry_hosts(text: str) -> Iterator[str]:
    """A package registry is chosen by the machine that installs."""
    return (f"registry {match[0]}" for pattern in (REGISTRY_HOST, INDEX_OPTION) for match in pattern.finditer(text))


def machine_paths(text: str) -> Iterator[str]:
    """A path of the machine where a file was written means nothing on another one."""
    return (f"machine path {match[0]}" for match in MACHINE_PATH.finditer(text))


def long_files(text: str) -> Iterator[str]:
    """One idea for each file (CONTRIBUTING.md, "Sizes")."""
    if (lines := len(text.splitlines())) > FILE_LINES:
        yield f"{lines} lines"


def long_functions(text: str) -> Iterator[str]:
    """From `def` to the last line, docstring included (CONTRIBUTING.md, "Sizes")."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"line {node.lineno}: {node.name} has {lines} lines"


def unreasoned_comments(text: str) -> Iterator[str]:
    """A linter or type checker is silenced for named codes and for a stated reason."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and _silences_without_reason(token.string):
            yield f"line {token.start[0]}: {token.string}"


def _silences_without_reason(comment: str) -> bool:
    """Wants `# noqa: S105 -- why`, or `# type: ignore[code]  # why`."""
    if "mypy: ignore-errors" in comment:
        return True
    noqa = NOQA_WITH_CODES.search(comment)
    if "noqa" in comment and not (noqa and noqa["rest"].lstrip().startswith("--") and REASON.search(noqa["rest"])):
        return True
    if "type: ignore" not in comment:
        return False
    rest = NOQA_WITH_CODES.sub(r"\g<rest>", IGNORE_WITH_CODES.sub("", comment, count=1))
    return not IGNORE_WITH_CODES.search(comment) or not REASON.search(rest)


def unreasoned_skips(text: str) -> Iterator[str]:
    """A test that does not run, or may fail, says why."""
    tree = ast.parse(text)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)) in SKIPS:
            call = calls.get(id(node))
            if call is None or not _gives_reason(name, call):
                yield f"line {node.lineno}: {name}"


def _gives_reason(name: str, call: ast.Call) -> bool:
    reasons = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
    if name in REASON_COMES_FIRST:
        reasons += call.args[:1]
    return any(REASON.search(ast.unparse(reason)) for reason in reasons)


def committed_files() -> list[Path]:
    """The files that git has, or would take with the next `git add`."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """The text of a file; nothing for a binary one."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def findings(rule: Rule, folders: Iterable[str], suffix: str) -> list[str]:
    """What a rule finds in the committed files below `folders`, or everywhere for ".", with this suffix."""
    paths = (path for path in committed_files() if path.name.endswith(suffix))
    chosen = (path for path in paths if any(path.is_relative_to(ROOT / folder) for folder in folders))
    return [f"{path.relative_to(ROOT)}: {finding}" for path in chosen for finding in rule(text_of(path))]


RULES: list[tuple[Rule, tuple[str, ...], str]] = [
    (registry_hosts, (".",), ""),
    (machine_paths, (".",), ""),
    (long_files, ("src", "examples", "tools", "bench", "fuzz"), ".py"),
    (long_functions, ("src", "examples", "tools", "bench", "fuzz"), ".py"),
    (unreasoned_comments, (".",), ".py"),
    (unreasoned_skips, (".",), ".py"),
]


@pytest.mark.parametrize(("rule", "folders", "suffix"), RULES, ids=[rule.__name__ for rule, _, _ in RULES])
def test_committed_files_keep_the_rule(rule: Rule, folders: tuple[str, ...], suffix: str) -> None:
    """CONTRIBUTING.md, "Habits"."""
    assert findings(rule, folders, suffix) == []


def test_every_kind_of_file_is_looked_at() -> None:
    """The rules above would pass over an empty list, too."""
    names = {str(path.relative_to(ROOT)) for path in committed_files()}
    assert {"Makefile", "pyproject.toml", "src/jotary/__init__.py", "requirements/dev.txt"} <= names


def test_no_module_has_a_name_that_says_nothing() -> None:
    """CONTRIBUTING.md, "Habits": such a module collects what should stand where it is looked for."""
    modules = (path for path in committed_files() if path.suffix == ".py")
    assert [str(path) for path in modules if VAGUE_NAMES & {path.stem.strip("_"), path.parent.name}] == []


def test_the_only_pins_are_the_hashed_requirements() -> None:
    """Other tools' lock files name the registry that they asked."""
    locks = {"uv.lock", "package-lock.json", "poetry.lock", "Pipfile.lock", "pylock.toml"}
    assert [str(path) for path in committed_files() if path.name in locks] == []


def test_the_demo_installs_nothing_but_a_part_of_the_development_set() -> None:
    """So that `make demo` and `make test` can share one virtual environment."""
    demo, development = (
        set(re.findall(r"^[a-z0-9][^ ]*==[^ ]+", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("demo.txt", "dev.txt")
    )
    assert demo
    assert demo < development


REFUSED: list[tuple[Rule, str]] = [
    (registry_hosts, "see https://py" + "pi.org/project/jotary"),
    (registry_hosts, "https://files.python" + "hosted.org/packages/x.whl"),
    (registry_hosts, "  --extra" + "-index-url https://example.com/simple"),
    (registry_hosts, "-i" + " https://example.com/simple"),
    (machine_paths, "open('/" + "tmp/jotary.db')"),
    (machine_paths, "see /" + "home/somebody/notes"),
    (long_files, "x = 1\n" * (FILE_LINES + 1)),
    (long_functions, "async def f():\n" + "    x = 1\n" * FUNCTION_LINES),
    (unreasoned_comments, "x = 1  # noqa"),
    (unreasoned_comments, "x = 1  # noqa: S105"),
    (unreasoned_comments, "x = 1  # noqa: S105 --"),
    (unreasoned_comments, "x = 1  # noqa: S105, S106 -- because"),
    (unreasoned_comments, "# ruff: noqa: D100"),
    (unreasoned_comments, "x = 1  # type: ignore"),
    (unreasoned_comments, "x = 1  # type: ignore[assignment]"),
    (unreasoned_comments, "x = 1  # type: ignore[assignment]  # noqa: S105"),
    (unreasoned_comments, "x = 1  # type: ignore  # the stubs are wrong here"),
    (unreasoned_comments, "# mypy: ignore-errors"),
    (unreasoned_skips, "@pytest.mark.skip\ndef test(): pass"),
    (unreasoned_skips, "@pytest.mark.skipif(True, reason='')\ndef test(): pass"),
    (unreasoned_skips, "@pytest.mark.xfail(strict=True)\ndef test(): pass"),
    (unreasoned_skips, "def test(): pytest.skip()"),
    (unreasoned_skips, "x = pytest.importorskip('x')"),
]
ACCEPTED: list[tuple[Rule, str]] = [
    (registry_hosts, "pip install jotary"),
    (machine_paths, "https://example.com/" + "work/orders and database = '/var/lib/jotary'"),
    (long_files, "x = 1\n" * FILE_LINES),
    (long_functions, "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)),
    (unreasoned_comments, "x = 1  # noqa: S105 -- a parameter name, no secret"),
    (unreasoned_comments, "x = 1  # type: ignore[assignment]  # the stubs are wrong here"),
    (unreasoned_comments, "x = '# noqa'"),
    (unreasoned_skips, "@pytest.mark.skipif(True, reason='needs a keychain')\ndef test(): pass"),
    (unreasoned_skips, "def test(): pytest.skip(f'no browser: {why}')"),
]


@pytest.mark.parametrize(("rule", "text"), REFUSED)
def test_the_rule_refuses(rule: Rule, text: str) -> None:
    """Without these, a rule that finds nothing would look like a repository without faults."""
    assert list(rule(text))


@pytest.mark.parametrize(("rule", "text"), ACCEPTED)
def test_the_rule_accepts(rule: Rule, text: str) -> None:
    """A rule that refused everything would soon be switched off."""
    assert list(rule(text)) == []
