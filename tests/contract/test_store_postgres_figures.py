"""What the driver of PostgreSQL knows of its connections, and of when the database answered."""

import asyncio

import pytest
import sqlalchemy as sa

from jotary.server.model.changes import RotateSession
from jotary.server.ports import Conflict, Unavailable
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import Step
from jotary.server.store.postgres import open_driver

pytestmark = pytest.mark.anyio


async def test_nobody_waits_when_all_were_answered(postgresql_url: str) -> None:
    """Whatever the answer was. A conflict is one, too, and lets a crowd be patient; a failure is none."""
    driver = await open_driver(postgresql_url, connections=2)
    nothing = Statement(sa.text("DELETE FROM users WHERE false"), driver.dialect, guarded=True)
    broken = Statement(sa.text("DELETE FROM nowhere"), driver.dialect)
    change = RotateSession("session", 0, 0, 0)
    driver._answered_at = 0.0
    with pytest.raises(Unavailable):
        await driver.write([Step(broken, (), change)])
    assert driver._answered_at == 0.0
    with pytest.raises(Conflict):
        await driver.write([Step(nothing, (), change)])
    answered_at = driver._answered_at
    assert answered_at > 0
    await driver.time()
    assert driver._answered_at > answered_at
    figures = driver.figures()
    assert (figures.waiting, figures.connections) == (0, figures.idle)
    await driver.close()


async def test_a_commit_is_told_with_the_seconds_that_it_took(postgresql_url: str) -> None:
    """Each unit is one, and takes no longer than its caller waited; one that comes to nothing is none."""
    driver = await open_driver(postgresql_url, connections=1)
    told: list[tuple[int, float]] = []
    driver.tell_commits(lambda units, seconds: told.append((units, seconds)))
    nothing = Statement(sa.text("DELETE FROM users WHERE false"), driver.dialect, guarded=True)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await driver.write([Step(nothing, (), None)])
    with pytest.raises(Conflict):
        await driver.write([Step(nothing, (), RotateSession("session", 0, 0, 0))])
    waited = loop.time() - begun
    await driver.close()
    ((units, seconds),) = told
    assert units == 1
    assert 0 < seconds <= waited
