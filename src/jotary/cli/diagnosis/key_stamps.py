"""Whether the rows of the signing keys are as a server wrote them, and none that has ended was put back."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Findings, fail, judge
from jotary.cli.diagnosis.signing_keys import read_keys
from jotary.server.keyring import is_genuine, make_sealer
from jotary.server.keyring.schedule import is_gone
from jotary.server.model.signing_key import SigningKey
from jotary.server.store.schema import events

_MEND: Final = (
    "Start with the secret that stamped them. If it is the one, somebody wrote to the database: find out who, then: "
    "jotary key rotate --compromised, or where keys are external: jotary key add --compromised"
)


def check(deployment: Deployment) -> Findings:
    """Every row that says that it is not gone."""
    sealer, now = make_sealer(deployment.settings), deployment.now
    keys = [key for key in deployment.read(read_keys) if not is_gone(key, now)]
    forged = [key.id for key in keys if not is_genuine(key, sealer)]
    found = f"not as a server wrote it: {', '.join(forged)}" if forged else f"{len(keys)} rows as a server wrote them"
    yield judge("key stamps", found, is_well=not forged, mend=_MEND, otherwise=fail)
    revived = _revived(keys, deployment.read(_ends))
    found = f"put back after its end: {', '.join(revived)}" if revived else "none was put back"
    yield judge("ended keys", found, is_well=not revived, mend=_MEND, otherwise=fail)


def _ends(connection: sa.Connection) -> list[dict[str, Any]]:
    """What the audit trail says of the ends of keys; `jotary audit verify` says whether it can be believed."""
    query = sa.select(events.c.detail).where(events.c.kind == "key.retired")
    return [msgspec.json.decode(detail) for (detail,) in connection.execute(query)]


def _revived(keys: Sequence[SigningKey], ends: Sequence[dict[str, Any]]) -> list[str]:
    """A row that was kept, and put back with the stamp that it had, says less than the trail."""
    decided: dict[str, int] = {}
    for end in ends:
        decided[end["kid"]] = min(end["gone_from"], decided.get(end["kid"], end["gone_from"]))
    return [key.id for key in keys if key.id in decided and (key.gone_from is None or key.gone_from > decided[key.id])]
