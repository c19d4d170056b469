"""What a process that ends does not let anybody wait for."""

from collections.abc import Callable, Sequence

from jotary.server.model.revocation import Revocation, RevocationKind
from jotary.server.ports import Unavailable
from jotary.server.store.store import Store


class WhileNeeded:
    """The cut-offs, until the process begins to stop. Followers that wait for news then get 503 and go elsewhere."""

    def __init__(self, store: Store, is_needed: Callable[[], bool]) -> None:
        self._store = store
        self._is_needed = is_needed

    async def revocations(self, *, after: int = 0, now: int, limit: int = 1000) -> Sequence[Revocation]:
        """As `ports.Revocations`."""
        if not self._is_needed():
            raise Unavailable("the server is stopping")
        return await self._store.revocations(after=after, now=now, limit=limit)

    async def revocation(self, kind: RevocationKind, value: str, *, now: int) -> Revocation | None:
        """As `ports.Revocations`."""
        return await self._store.revocation(kind, value, now=now)
