"""The table of events says everything that the server records, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jotary.server
from jotary.server.model.event_kinds import EVENT_KINDS

SOURCE = Path(jotary.server.__file__).parent
PAGE = Path(__file__).parents[4] / "docs" / "audit.md"


def kinds_in(tree: ast.AST) -> Iterator[str]:
    """The kinds that are given to `Event`, right there or through a function that takes the kind first."""
    makers = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
        and any(isinstance(kind, ast.Name) for call in calls_in(node) for kind in given(call))
    }
    for call in calls_in(tree):
        kinds = [*given(call), *(call.args[:1] if name_of(call) in makers else [])]
        yield from (kind.value for kind in kinds if isinstance(kind, ast.Constant) and isinstance(kind.value, str))


def calls_in(tree: ast.AST) -> list[ast.Call]:
    """Every call."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str | None:
    """The function's own name."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)


def given(call: ast.Call) -> list[ast.expr]:
    """What an event is given as its kind."""
    return [word.value for word in call.keywords if word.arg == "kind"] if name_of(call) == "Event" else []


def emitted() -> set[str]:
    """The kinds in the whole server."""
    files = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    return {kind for text in files for kind in kinds_in(ast.parse(text))}


def test_every_event_stands_in_the_table_and_the_table_has_no_dead_row() -> None:
    """One place says what there is."""
    assert emitted() == set(EVENT_KINDS)


def test_kinds_are_found_through_functions() -> None:
    """Or a kind could hide behind one."""
    hidden = "def _event(kind, now):\n    return Event(kind=kind, at=now)\n_event('a.b', 1); Event(kind='c.d', at=1)"
    assert set(kinds_in(ast.parse(hidden))) == {"a.b", "c.d"}


def test_a_kind_is_a_noun_and_what_happened() -> None:
    """`jotary audit list --kind` takes the noun."""
    assert all(
        re.fullmatch(r"[a-z_]+\.[a-z_]+", kind) and meaning.endswith(".") for kind, meaning in EVENT_KINDS.items()
    )


def test_the_documentation_has_the_table() -> None:
    """Kind and meaning, in the table's order."""
    rows = "\n".join(f"| `{kind}` | {meaning} |" for kind, meaning in EVENT_KINDS.items())
    assert rows in PAGE.read_text(encoding="utf-8")
