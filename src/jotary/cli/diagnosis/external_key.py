"""Whether the HSM or KMS signs: one signature with the key whose turn it is, as a server would ask for it."""

import asyncio
from typing import Final

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Findings, fail, ok
from jotary.cli.diagnosis.signing_keys import read_keys
from jotary.jose import Key, base64url, strict_json
from jotary.server.keyring import is_genuine, make_custodians, make_sealer
from jotary.server.keyring.external import Reference, read_reference
from jotary.server.keyring.schedule import choose_signing_key
from jotary.server.ports import Unavailable

_TYP: Final = "jotary-doctor"  # of no token that anybody accepts (RFC 8725 §3.11)
_LOOK: Final = "See that it runs, and that this machine reaches it."


def check(deployment: Deployment) -> Findings:
    """Nothing of a server that holds its keys itself."""
    sealer = make_sealer(deployment.settings)
    keys = [key for key in deployment.read(read_keys) if is_genuine(key, sealer)]
    signing = choose_signing_key(keys, deployment.now)
    if signing is None:
        return
    reference = read_reference(sealer.unseal(signing.sealed_private_key, kid=signing.id))
    if reference is None:
        return
    where = f"{reference.custodian} {reference.name}"
    try:
        asyncio.run(_sign(deployment, reference, Key.from_public_jwk(signing.public_jwk)))
    except Unavailable as error:
        yield fail("external key", f"{where}: {error}", error.hint or _LOOK)
    else:
        yield ok("external key", f"{where} signs")


async def _sign(deployment: Deployment, reference: Reference, public: Key) -> None:
    custodians = make_custodians(deployment.settings)
    header = strict_json.dumps({"alg": public.alg, "kid": public.kid, "typ": _TYP})
    try:
        await custodians.sign(reference, public, b"{}", base64url.encode_bytes(header))
    finally:
        custodians.close()
