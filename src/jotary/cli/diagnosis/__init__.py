"""What `jotary doctor` looks at. A new check is a module with `check`, and a line in `CHECKS`."""

from collections.abc import Callable, Iterator
from typing import Final

from jotary.cli.complaint import explain
from jotary.cli.diagnosis import (
    database,
    external_key,
    issuer,
    key_stamps,
    machine,
    people_and_clients,
    postgresql,
    purge,
    secret,
    signing_keys,
)
from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, fail
from jotary.server.ports import Unavailable

Check = Callable[[Deployment], Findings]

#: In the order in which things depend on each other: name for what could not be looked at, and the check.
CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("issuer", issuer.check),
    ("database", database.check),
    ("PostgreSQL", postgresql.check),
    ("secret", secret.check),
    ("key stamps", key_stamps.check),
    ("signing keys", signing_keys.check),
    ("external key", external_key.check),
    ("people and clients", people_and_clients.check),
    ("purge", purge.check),
    ("machine", machine.check),
)
_LOOK: Final = "Mend what is said above first; what is unexpected shows with JOTARY_TRACEBACK=1."


def diagnose(deployment: Deployment) -> Iterator[Finding]:
    """Every finding. What a check cannot look at is a finding, too; a lost database is one, and not one in each."""
    is_database_lost = False
    unseen: list[str] = []
    for name, check in CHECKS:
        try:
            for finding in check(deployment):
                is_database_lost |= (finding.name, finding.verdict) == ("database", "fail")
                yield finding
        except Exception as error:  # noqa: BLE001 -- a doctor does not fall ill with the patient
            if is_database_lost and isinstance(error, Unavailable):
                unseen.append(name)
                continue
            problem, hint = explain(error)
            yield fail(name, f"could not be looked at: {problem}", hint or _LOOK)
    if unseen:
        yield fail("not looked at", ", ".join(unseen), "Mend the database first.")
