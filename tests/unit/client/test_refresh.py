"""When to refresh, and one refresh for all who wait."""

import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.refresh import REFRESH_MARGIN, SingleFlight, has_just_failed, is_refresh_due, refresh_due_at

NOW = 1_800_000_000


@pytest.mark.parametrize(("lifetime", "due_after"), [(3600, 3540), (300, 240), (299, 240), (100, 80), (10, 8), (4, 4)])
def test_a_token_is_refreshed_a_minute_before_its_end_or_a_fifth_of_its_life(lifetime: int, due_after: int) -> None:
    """Whichever is later, so that short-lived tokens are still used for most of their life."""
    assert refresh_due_at(obtained_at=NOW, expires_at=NOW + lifetime) == NOW + due_after


@given(lifetime=st.integers(1, 10**6))
def test_a_token_is_used_for_most_of_its_life_and_never_beyond_it(lifetime: int) -> None:
    """It is due at the latest when it expires, and never in the first four fifths of its life."""
    due = refresh_due_at(obtained_at=NOW, expires_at=NOW + lifetime)
    assert NOW + lifetime * 4 // 5 <= due <= NOW + lifetime
    assert NOW + lifetime - due <= REFRESH_MARGIN


@pytest.mark.parametrize(("now", "is_due"), [(-61, True), (-60, False), (0, False), (239, False), (240, True)])
def test_a_token_is_refreshed_at_its_end_and_before_its_time(now: int, *, is_due: bool) -> None:
    """A clock that was set back tells nothing of its age; those of several processes differ by seconds."""
    assert is_refresh_due(obtained_at=NOW, expires_at=NOW + 300, now=NOW + now) is is_due


@pytest.mark.parametrize(("now", "has_failed"), [(-1, False), (0, True), (4, True), (5, False)])
def test_a_failure_counts_for_five_seconds_by_any_clock(now: int, *, has_failed: bool) -> None:
    """One that is set back does not prolong them."""
    assert has_just_failed(NOW, NOW + now) is has_failed


class Work:
    """Work that waits until it is let go, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        """Return the number of this run."""
        self.begun += 1
        number = self.begun
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return number


@pytest.mark.anyio
async def test_work_under_way_is_shared() -> None:
    """All get the same value, and the next one begins anew."""
    work = Work()
    flights: SingleFlight[str, int] = SingleFlight()
    waiting = [asyncio.create_task(flights.run("key", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.go_on.set()
    assert await asyncio.gather(*waiting) == [1] * 5
    assert await flights.run("key", work) == 2


@pytest.mark.anyio
async def test_work_under_another_key_is_not_shared() -> None:
    """Two people are two refreshes."""
    work = Work()
    work.go_on.set()
    flights: SingleFlight[str, int] = SingleFlight()
    assert sorted(await asyncio.gather(flights.run("one", work), flights.run("two", work))) == [1, 2]


@pytest.mark.anyio
async def test_work_goes_on_when_everybody_who_waited_is_gone() -> None:
    """A refresh that is half done has changed the issuer's mind already."""
    work = Work()
    flights: SingleFlight[str, int] = SingleFlight()
    first = asyncio.create_task(flights.run("key", work))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(flights.run("key", work))
    await asyncio.sleep(0)
    work.go_on.set()
    assert await second == 1
    assert work.begun == 1


@pytest.mark.anyio
async def test_a_failure_reaches_all_who_wait_and_nobody_later() -> None:
    """And is no unhandled exception when nobody is left to see it."""
    work = Work()
    work.error = RuntimeError("down")
    flights: SingleFlight[str, int] = SingleFlight()
    waiting = [asyncio.create_task(flights.run("key", work)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    work.go_on.set()
    with pytest.raises(RuntimeError, match="down"):
        await waiting[1]
    work.error = None
    assert await flights.run("key", work) == 2


@pytest.mark.anyio
async def test_a_failure_that_nobody_waits_for_is_nobodys_surprise() -> None:
    """Whoever goes away has not asked to hear of it, and a log full of such tracebacks hides real ones."""
    surprises: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: surprises.append(context))
    work = Work()
    work.error = RuntimeError("down")
    flights: SingleFlight[str, int] = SingleFlight()
    waiting = asyncio.create_task(flights.run("key", work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    del waiting
    work.go_on.set()
    await flights.landed()
    gc.collect()
    await asyncio.sleep(0)
    assert surprises == []


@pytest.mark.anyio
async def test_one_can_wait_until_all_has_landed() -> None:
    """At shutdown: what is under way is finished first."""
    work = Work()
    flights: SingleFlight[str, int] = SingleFlight()
    await flights.landed()
    waiting = asyncio.create_task(flights.run("key", work))
    await asyncio.sleep(0)
    landing = asyncio.create_task(flights.landed())
    await asyncio.sleep(0)
    assert not landing.done()
    work.go_on.set()
    await landing
    assert await waiting == 1


@pytest.mark.anyio
async def test_what_begins_while_others_land_is_waited_for_as_well() -> None:
    """Requests may still come in while an application shuts down."""
    flights: SingleFlight[str, int] = SingleFlight()
    first, second = Work(), Work()
    waiting = [asyncio.create_task(flights.run("first", first))]
    await asyncio.sleep(0)
    landing = asyncio.create_task(flights.landed())
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(flights.run("second", second)))
    await asyncio.sleep(0)
    first.go_on.set()
    await waiting[0]
    await asyncio.sleep(0)
    assert not landing.done()
    second.go_on.set()
    await landing
    assert await waiting[1] == 1
