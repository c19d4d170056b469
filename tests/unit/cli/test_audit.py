"""`jotary audit`."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jotary.cli.operating_system_user import operating_system_user
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.store import open_store

Run = Callable[..., Any]
PAGE = Path(__file__).parents[3] / "docs" / "audit.md"


async def fill(count: int) -> None:
    """A trail of this many events."""
    store = await open_store("sqlite:///jotary.db")
    for start in range(0, count, 1000):
        events = (
            Event(kind="sign_in.accepted", at=at, user_id=f"u{at}") for at in range(start, min(start + 1000, count))
        )
        await store.commit(*(AddEvent(event) for event in events))
    await store.close()


@pytest.fixture
def trail(run: Run) -> Run:
    """The command line over a trail of some events, sealed."""
    created = run("user", "create", "ada@example.com", "--password-stdin", "--json", stdin="correct horse 7 battery\n")
    assert created.code == 0
    asyncio.run(fill(20))
    assert run("audit", "seal").code == 0
    return run


def lines(outcome: Any) -> list[dict[str, Any]]:
    """JSON lines."""
    assert outcome.code == 0
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_events_are_listed_newest_last_and_page_by_page(trail: Run) -> None:
    """Pages go back with --before; --after has no limit."""
    last = lines(trail("audit", "list", "--limit", "3", "--json"))
    assert [event["position"] for event in last] == [19, 20, 21]
    older = lines(trail("audit", "list", "--limit", "2", "--before", "19", "--json"))
    assert [event["position"] for event in older] == [17, 18]
    assert len(lines(trail("audit", "list", "--after", "1", "--json"))) == 20


def test_events_are_found(trail: Run) -> None:
    """By person, kind and time; a command's has who ran it."""
    (made,) = lines(trail("audit", "list", "--user", "ada@example.com", "--json"))
    assert (made["kind"], made["actor"]) == ("user.created", operating_system_user())
    assert len(lines(trail("audit", "list", "--kind", "sign_in", "--json"))) == 20
    assert lines(trail("audit", "list", "--since", "1h", "--json")) == [made]
    assert lines(trail("audit", "list", "--since", "2026-01-01", "--json")) == [made]
    assert lines(trail("audit", "list", "--client", "nobody", "--json")) == []
    assert trail("audit", "list", "--since", "yesterday").code == 2


def test_the_table_fits_into_80_columns_and_moves_no_cursor(run: Run) -> None:
    """Some of what is shown comes from clients."""

    async def hostile() -> None:
        store = await open_store("sqlite:///jotary.db")
        detail = {"reason": "\x1b[2J\r\n\u202e", "scopes": ["todo:read", "todo:write"]}
        await store.commit(AddEvent(Event(kind="x.y", at=0, user_id="u" * 27, address="2001:db8::1", detail=detail)))
        await store.close()

    asyncio.run(hostile())
    shown = run("audit", "list").out
    assert "1970-01-01 00:00:00Z" in shown
    assert all(character.isprintable() for line in shown.split("\n") for character in line)
    assert max(map(len, shown.splitlines())) <= 80


def test_a_whole_trail_verifies_and_a_changed_one_does_not(trail: Run) -> None:
    """Exit code 1, and the first event that does not fit."""
    head = trail("audit", "seal", "--json").json()["head"]
    report = trail("audit", "verify", "--json", "--head", head)
    assert report.code == 0
    assert (json.loads(report.out)["intact"], json.loads(report.out)["sealed"]) == (True, 21)
    assert head in trail("audit", "verify").out
    assert trail("audit", "verify", "--head", "short").code == 2
    unknown = trail("audit", "verify", "--head", "0" * 64)
    assert (unknown.code, "noted head" in unknown.out) == (1, True)
    with closing(sqlite3.connect("jotary.db")) as connection, connection:
        connection.execute("UPDATE events SET user_id = 'mallory' WHERE position = 7")
    report = trail("audit", "verify", "--json")
    assert report.code == 1
    assert json.loads(report.out)["finding"]["position"] == 7
    assert "event 7" in trail("audit", "verify").out
    assert trail("audit", "seal", "--anew", stdin="n\n").code == 1
    assert trail("audit", "seal", "--anew", "--yes").code == 0
    assert trail("audit", "verify").code == 0


def test_anybody_can_follow_the_chain(trail: Run) -> None:
    """By the program in the documentation, without a secret."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 -- our own documentation
    head_of: Callable[[Iterable[str]], str] = names["head_of"]
    listed = trail("audit", "list", "--after", "0", "--json").out.splitlines()
    assert head_of(listed) == trail("audit", "seal", "--json").json()["head"]
    with pytest.raises(ValueError, match=r"^5$"):
        head_of([line.replace('"u3"', '"u4"') for line in listed[:6]])
