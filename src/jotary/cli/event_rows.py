"""Events of the audit trail as rows: JSON lines for programs, a table within 80 columns for people."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from jotary.server.flows.audit.chain import canonical
from jotary.server.model.sealed_event import SealedEvent


def members(event: SealedEvent) -> dict[str, Any]:
    """The members of an event in JSON: what its seal covers, and the seal. Others build on these names."""
    sealed: dict[str, Any] = msgspec.json.decode(canonical(event))
    return {**sealed, "seal": event.seal.hex() if event.seal else None}


def print_lines(events: Sequence[SealedEvent]) -> None:
    """One JSON object a line."""
    for event in events:
        click.echo(msgspec.json.encode(members(event)).decode())


def print_table(events: Sequence[SealedEvent]) -> None:
    """Position, moment, kind and who, and below each what else is known of it."""
    if not events:
        click.echo("There is no such event.")
    for event in events:
        moment = datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        click.echo(
            f"{event.position:>8}  {moment}  {_printable(event.kind):<30} {_printable(event.address or '')}".rstrip()
        )
        for line in _details(event):
            click.echo(f"          {line}")


def _details(event: SealedEvent) -> list[str]:
    named = {
        "user": event.user_id,
        "client": event.client_id,
        "session": event.session_id,
        "by": event.actor,
        "request": event.request_id,
    }
    detail = members(event)["detail"]
    known = {name: value for name, value in named.items() if value}
    known |= detail if isinstance(detail, dict) else {"detail": detail}
    words = [f"{name}={_printable(_text(value))}" for name, value in known.items()]
    return _wrapped(words, 70)


def _wrapped(words: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 2 + len(word) <= width:
            lines[-1] += f"  {word}"
        else:
            lines.append(word)
    return lines


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _printable(text: str) -> str:
    """Without what moves the cursor: some of it comes from clients."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
