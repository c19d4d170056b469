"""Algorithm, key and signature: one function of the JOSE layer, whose refusal says which of the three it was."""

from typing import Final

import msgspec

from jotary.jose import JOSEError, KeySet, jws
from jotary.verifier.check import SIGNED
from jotary.verifier.explain.display import printable, shown
from jotary.verifier.explain.form import Taken
from jotary.verifier.explain.record import Record


class NoKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Why there are no keys.

    Attributes:
        reason: what was tried and failed, or what to name.
        is_failure: whether they should be there: an API would have to refuse the token, too.
    """

    reason: str
    is_failure: bool


_CHECK_OF: Final = {"unknown_key": "kid", "bad_signature": "signature"}  # every other refusal is about the algorithm


def check_signature(taken: Taken, keys: KeySet | NoKeys, algorithms: frozenset[str], record: Record) -> None:
    """Check `alg`, `kid` and `signature` of a token whose form is good."""
    header = taken.header
    if header is None or taken.signature is None:
        return None
    known = KeySet() if isinstance(keys, NoKeys) else keys
    refusal = None
    try:
        jws.check_signature(header, taken.signature, taken.signing_input, known, algorithms)
    except JOSEError as error:
        refusal = error
    found = {"alg": shown(header.alg), "kid": "absent" if header.kid is None else shown(header.kid), "signature": None}
    expected = {"alg": f"one of {', '.join(sorted(algorithms))}", "kid": None, "signature": None}
    for name in ("alg", "kid", "signature"):
        if refusal is None or name != _CHECK_OF.get(refusal.code, "alg"):
            record.accept(name, found=found[name], expected=expected[name])
        elif name == "kid" and isinstance(keys, NoKeys):
            note = record.fail if keys.is_failure else record.skip
            return note(name, printable(keys.reason), found=found[name])
        else:
            return record.refuse(name, refusal.hint, found=found[name], expected=expected[name])
    return None


def check_unsigned(taken: Taken, record: Record) -> None:
    """Check that nobody signed the token: an emulator's profile takes no other, so that it cannot stay on unnoticed."""
    header, signature = taken.header, taken.signature
    if header is None or signature is None:
        return
    found, expected = shown(header.alg), '"none", and no signature'
    if header.alg == "none" and not signature:
        record.accept("alg", found=found, expected=expected)
    else:
        record.refuse("alg", SIGNED, found=found, expected=expected)
