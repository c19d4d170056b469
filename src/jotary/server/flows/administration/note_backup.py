"""Noting in the audit trail that everything was copied: whoever asks where the passwords' hashes went finds it here."""

from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.ports import Commit


async def note_backup(store: Commit, *, file: str, size: int, made_at: int, now: int) -> None:
    """Write the event. The backup is there already: it cannot hold the word about itself.

    Args:
        store: of the database that was backed up.
        file: where to, with its whole path.
        size: of the file, bytes.
        made_at: the moment of the snapshot, Unix seconds.
        now: Unix seconds.

    Raises:
        Unavailable: the store does not answer, or takes no writes.
    """
    detail = {"file": file, "bytes": size, "made_at": made_at}
    await store.commit(AddEvent(Event(kind="backup.written", at=now, detail=detail)))
