"""Printing data: JSON for programs, aligned columns for people."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

Row = Mapping[str, Any]


def print_json(value: Any) -> None:
    """Print one JSON value, indented, as UTF-8 text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, nothing: str) -> None:
    """Print the named columns of some rows, aligned, with a head; `nothing` where there are none."""
    if not rows:
        click.echo(nothing)
        return
    lines = [
        [column.replace("_", " ") for column in columns],
        *([_text(row[column]) for column in columns] for row in rows),
    ]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_record(row: Row) -> None:
    """Print one row, a line for each member that has a value."""
    shown = {name.replace("_", " "): _text(value) for name, value in row.items() if value not in (None, [], "")}
    width = max(len(name) for name in shown)
    for name, value in shown.items():
        click.echo(f"{name.ljust(width)}  {value}")


def moment(seconds: int | None) -> str | None:
    """A moment in Unix seconds as people read it, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(str(item) for item in value) or "-"
    return str(value)
