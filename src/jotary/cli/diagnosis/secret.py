"""The server's secret: private, unguessable, and the one that sealed the signing keys."""

import math
from collections import Counter
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, fail, judge
from jotary.server.keyring import SealError, make_sealer
from jotary.server.store.schema import signing_keys

_OTHERS: Final = 0o077
_LEAST_ENTROPY: Final = 100.0  # bits, by how often its characters occur; 43 random ones of base64url have 190


def check(deployment: Deployment) -> Findings:
    """Its file, its strength, and the keys."""
    found = deployment.loaded.secret
    file = Path(found.origin)
    if found.origin != "JOTARY_SECRET" and file.is_file():
        mode = file.stat().st_mode & 0o777
        yield judge(
            "secret file", f"{file}, {mode:04o}", is_well=not mode & _OTHERS, mend=f"chmod 600 {file}", otherwise=fail
        )
    yield _strength(found.secret.reveal())
    yield _opens(deployment)


def _strength(secret: str) -> Finding:
    """A repeated word has enough bytes and next to nothing to guess."""
    size = len(secret)
    bits = -sum(count * math.log2(count / size) for count in Counter(secret).values())
    mend = "Put in its place what this prints: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    found = "long and varied" if bits >= _LEAST_ENTROPY else "few different characters"
    return judge("secret", found, is_well=bits >= _LEAST_ENTROPY, mend=mend, otherwise=fail)


def _opens(deployment: Deployment) -> Finding:
    def read(connection: sa.Connection) -> list[tuple[str, bytes]]:
        query = sa.select(signing_keys.c.id, signing_keys.c.sealed_private_key)
        return [(kid, sealed) for kid, sealed in connection.execute(query) if sealed]

    sealer, sealed_keys = make_sealer(deployment.settings), deployment.read(read)
    closed = []
    for kid, sealed in sealed_keys:
        try:
            sealer.unseal(sealed, kid=kid)
        except SealError:
            closed.append(kid)
    mend = "Start with the secret that sealed them; where it is lost: jotary key rotate --compromised"
    text = f"opens {len(sealed_keys) - len(closed)} of {len(sealed_keys)} private keys"
    return judge("secret opens keys", text, is_well=not closed, mend=mend, otherwise=fail)
