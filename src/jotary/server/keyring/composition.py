"""The keyring that the settings describe."""

from collections.abc import Callable
from functools import partial

from jotary.server.keyring.derived_key import derive_keys
from jotary.server.keyring.external import Custodian, Custodians
from jotary.server.keyring.keyring import Keyring
from jotary.server.keyring.rotation import KeyStore, Rotation
from jotary.server.keyring.schedule import Rules
from jotary.server.keyring.seal import Sealer
from jotary.server.keyring.stamp import stamp_of_old
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Clock, Entropy, Unavailable
from jotary.server.settings import Settings


def make_rotation(settings: Settings, store: KeyStore, *, entropy: Entropy) -> Rotation:
    """What makes and retires this server's signing keys."""
    rules = Rules.of(
        algorithm=settings.signing_algorithm,
        jwks_max_age=settings.jwks_max_age,
        token_lifetime=max(settings.access_token_lifetime, settings.id_token_lifetime),
        leeway=settings.leeway,
        are_external=settings.signing_keys == "external",
    )
    return Rotation(store=store, sealer=make_sealer(settings), rules=rules, entropy=entropy)


def make_keyring(settings: Settings, store: KeyStore, *, clock: Clock, entropy: Entropy) -> Keyring:
    """What signs for this server."""
    rotation = make_rotation(settings, store, entropy=entropy)
    return Keyring(rotation=rotation, sealer=make_sealer(settings), clock=clock, custodians=make_custodians(settings))


def make_sealer(settings: Settings) -> Sealer:
    """What seals this server's private keys."""
    return Sealer(*derive_keys(settings, "seal"))


def make_enrolment(settings: Settings, *, entropy: Entropy) -> Callable[[SigningKey], bytes]:
    """What stamps the keys that an earlier version wrote, once, when its database is upgraded (`stamp_of_old`)."""
    return partial(stamp_of_old, sealer=make_sealer(settings), entropy=entropy)


def make_custodians(settings: Settings) -> Custodians:
    """What asks the HSM and the KMS; neither is reached, and no library of theirs loaded, before a key is there."""
    return Custodians({"pkcs11": lambda: _pkcs11(settings), "aws-kms": _aws_kms})


def _pkcs11(settings: Settings) -> Custodian:
    if not settings.pkcs11_library or not settings.pkcs11_token or settings.pkcs11_pin is None:
        hint = "Give pkcs11_library, pkcs11_token, and pkcs11_pin_file or JOTARY_PKCS11_PIN."
        raise Unavailable("the settings do not name the HSM", hint=hint)
    from jotary.server.keyring.pkcs11 import PKCS11Custodian  # noqa: PLC0415 -- an extra

    return PKCS11Custodian(library=settings.pkcs11_library, token=settings.pkcs11_token, pin=settings.pkcs11_pin)


def _aws_kms() -> Custodian:
    from jotary.server.keyring.aws_kms import AWSKMSCustodian  # noqa: PLC0415 -- an extra, and half a second to load

    return AWSKMSCustodian()
