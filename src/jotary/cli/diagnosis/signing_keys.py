"""The keys that sign: one of them now, and the next one known to everybody in time."""

from typing import Final

import sqlalchemy as sa

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, fail, ok, warn
from jotary.server.keyring import is_genuine, make_sealer
from jotary.server.keyring.schedule import RELOAD_INTERVAL, ROTATION_INTERVAL, choose_signing_key, is_gone, may_sign
from jotary.server.model.signing_key import SigningKey
from jotary.server.store.rows import SIGNING_KEYS
from jotary.server.store.schema import signing_keys

_DAY: Final = 86_400
_MENDS: Final = {
    "sealed": "Start the server: it keeps the schedule of its keys by itself.",
    "external": "Make one in the HSM or KMS, and announce it with: jotary key add",
}


def check(deployment: Deployment) -> Findings:
    """Who signs now, how old it is, and who is next; of those that a server believes."""
    sealer, mend = make_sealer(deployment.settings), _MENDS[deployment.settings.signing_keys]
    keys = [key for key in deployment.read(read_keys) if is_genuine(key, sealer)]
    signing = choose_signing_key(keys, deployment.now)
    if signing is None:
        yield fail("signing key", "none can sign", mend)
        return
    yield _signing(signing, deployment, mend)
    following = [key for key in keys if key.signing_from > deployment.now and may_sign(key, deployment.now)]
    published = sum(not is_gone(key, deployment.now) for key in keys)
    announcement = deployment.settings.jwks_max_age + RELOAD_INTERVAL
    due = signing.signing_from + ROTATION_INTERVAL - announcement
    if following:
        days = (following[0].signing_from - deployment.now) / _DAY
        yield ok("next key", f"announced, signs in {days:.1f} days; {published} published")
    elif deployment.now > due + _DAY:
        yield warn("next key", "overdue", mend)
    else:
        yield ok("next key", f"not due yet; {published} published")


def read_keys(connection: sa.Connection) -> list[SigningKey]:
    """Every row, whether it is believed or not."""
    rows = connection.execute(sa.select(*SIGNING_KEYS.columns).order_by(signing_keys.c.announced_at))
    return [SIGNING_KEYS.record(row) for row in rows]


def _signing(key: SigningKey, deployment: Deployment, mend: str) -> Finding:
    age = (deployment.now - key.signing_from) / _DAY
    found = f"{key.algorithm}, signs since {age:.0f} days"
    if key.algorithm != deployment.settings.signing_algorithm:
        return warn("signing key", f"{found}; the settings say {deployment.settings.signing_algorithm}", mend)
    return ok("signing key", found)
