"""Whether what has expired is forgotten."""

from typing import Final

import sqlalchemy as sa

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Findings, judge, warn
from jotary.server.store.purge import PURGES

#: Seconds behind which a row should have gone: several times as long as a server takes between two sweeps.
_LATE: Final = 3600


def check(deployment: Deployment) -> Findings:
    """Counts rows that a running server would have purged."""

    def read(connection: sa.Connection) -> dict[str, int]:
        counts = {}
        for purge in PURGES:
            due = purge.table.c[purge.end] < deployment.now - purge.grace - _LATE
            counts[str(purge.table.name)] = (
                connection.scalar(sa.select(sa.func.count()).select_from(purge.table).where(due)) or 0
            )
        return counts

    late = {name: count for name, count in deployment.read(read).items() if count}
    found = ", ".join(f"{count} expired rows in {name}" for name, count in late.items()) or "nothing is overdue"
    mend = "Keep a server running: it purges every ten minutes. If one runs, its log says periodic_work_failed."
    yield judge("purge", found, is_well=not late, mend=mend, otherwise=warn)
