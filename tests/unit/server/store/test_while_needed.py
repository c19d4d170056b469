"""What a process that ends does not let anybody wait for."""

from pathlib import Path

import pytest

from jotary.server.model.changes import AddRevocation
from jotary.server.model.revocation import Revocation
from jotary.server.ports import Unavailable
from jotary.server.store import open_store
from jotary.server.store.migrations import upgrade
from jotary.server.store.while_needed import WhileNeeded

pytestmark = pytest.mark.anyio

_NOW = 1_750_000_000


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on."""
    return "asyncio"


async def test_followers_are_sent_elsewhere_once_the_process_stops(tmp_path: Path) -> None:
    """Design §6.3: they poll until there is news. One token's cut-off is asked for by requests, which are answered."""
    url = f"sqlite:///{tmp_path}/jotary.db"
    upgrade(url)
    store = await open_store(url)
    cuts = [
        Revocation(kind="sid", value=value, issued_before=_NOW, created_at=_NOW, expires_at=_NOW + 300)
        for value in ("a", "b", "c")
    ]
    await store.commit(*(AddRevocation(cut) for cut in cuts))
    is_needed = True
    news = WhileNeeded(store, lambda: is_needed)
    everything = await news.revocations(now=_NOW)
    assert [each.value for each in everything] == ["a", "b", "c"]
    assert [each.value for each in await news.revocations(after=everything[0].position, now=_NOW, limit=1)] == ["b"]
    assert await news.revocations(now=_NOW + 301) == []
    is_needed = False
    with pytest.raises(Unavailable):
        await news.revocations(now=_NOW)
    assert await news.revocation("sid", "b", now=_NOW) == everything[1]
    assert await news.revocation("sid", "b", now=_NOW + 301) is None
    await store.close()
