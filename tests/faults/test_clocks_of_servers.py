"""Servers on several machines, whose clocks differ, and one PostgreSQL."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faults.client import Client
from faults.clock import SharedClock
from faults.scene import Scene
from faults.spawner import Spawner

if TYPE_CHECKING:
    from faults.postgresql import PostgreSQLServer


@pytest.mark.parametrize("wrong", [-3600, -60, 60, 3600])
def test_a_lost_answer_is_repeated_at_a_server_with_another_clock(
    postgresql: "PostgreSQLServer", tmp_path: Path, wrong: int
) -> None:
    """Design §6.1: within the retry window, which the database's clock measures, whoever of them has rotated."""
    clocks = [SharedClock(tmp_path / "right"), SharedClock(tmp_path / "wrong")]
    clocks[1].advance(wrong)
    with Spawner(tmp_path) as spawner:
        doors = [spawner.open_door(), spawner.open_door()]
        scene = Scene(tmp_path, doors[0].origin, {}, database=postgresql.url(postgresql.create_database()))
        for door, clock in zip(doors, clocks, strict=True):
            spawner.start(door, scene.environment, clock=str(clock.file))
        tokens = scene.add_sessions(2)

        async def repeat(token: str, first: Client, then: Client) -> tuple[str, str]:
            answers = [await client.insist(scene.refresh(token)) for client in (first, then)]
            return answers[0].member("refresh_token"), answers[1].member("refresh_token")

        async def both_ways() -> list[tuple[str, str]]:
            right, other = Client([doors[0].port]), Client([doors[1].port])
            answers = [await repeat(tokens[0], right, other), await repeat(tokens[1], other, right)]
            right.close()
            other.close()
            return answers

        for lost, repeated in asyncio.run(both_ways()):
            assert lost == repeated != ""
