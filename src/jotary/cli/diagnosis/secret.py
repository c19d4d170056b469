"""The server's secret: private, unguessable, and the one that sealed the signing keys."""

import math
import os
import stat
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
    """The files that hold secrets, how strong the server's own is, and the keys."""
    yield from _files(deployment)
    yield _strength(deployment.loaded.secret.secret.reveal())
    yield _opens(deployment)


def _files(deployment: Deployment) -> Findings:
    """Those of the secrets, of the HSM's PIN, and of the database's URL with its password."""
    settings, origin = deployment.settings, deployment.loaded.secret.origin
    named = (
        "" if origin == "JOTARY_SECRET" else origin,
        *settings.accepted_secret_files,
        settings.pkcs11_pin_file,
        settings.database_file or "",
    )
    files = [file for file in map(Path, filter(None, named)) if file.is_file()]
    if not files:
        return
    status = {file: file.stat() for file in files}
    shown = ", ".join(f"{file}, {stat.S_IMODE(each.st_mode):04o}" for file, each in status.items())
    exposed = [str(file) for file, each in status.items() if not _is_private(each)]
    yield judge("secret file", shown, is_well=not exposed, mend=f"chmod 600 {' '.join(exposed)}", otherwise=fail)


def _is_private(status: os.stat_result) -> bool:
    """Its owner alone may read it; or this process's group, too, where the owner is another one.

    So root hands a file to a service that shall not change it, and Kubernetes a Secret to a pod.
    """
    others = status.st_mode & _OTHERS
    if others != stat.S_IRGRP:
        return not others
    return status.st_uid != os.geteuid() and status.st_gid in {os.getegid(), *os.getgroups()}


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
