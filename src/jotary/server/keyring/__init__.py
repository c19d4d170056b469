"""Signing keys: their schedule (pure), their sealing at rest, and the signer that the flows use (design §6.2)."""

from jotary.server.keyring.composition import (
    make_custodians,
    make_enrolment,
    make_keyring,
    make_rotation,
    make_sealer,
)
from jotary.server.keyring.derived_key import derive_key, derive_keys
from jotary.server.keyring.keyring import Keyring
from jotary.server.keyring.resealing import reseal
from jotary.server.keyring.rotation import Rotation
from jotary.server.keyring.schedule import RELOAD_INTERVAL, Rules
from jotary.server.keyring.seal import Sealer, SealError
from jotary.server.keyring.stamp import is_genuine

__all__ = [
    "RELOAD_INTERVAL",
    "Keyring",
    "Rotation",
    "Rules",
    "SealError",
    "Sealer",
    "derive_key",
    "derive_keys",
    "is_genuine",
    "make_custodians",
    "make_enrolment",
    "make_keyring",
    "make_rotation",
    "make_sealer",
    "reseal",
]
