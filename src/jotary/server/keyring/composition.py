"""The keyring that the settings describe."""

from jotary.server.keyring.derived_key import derive_keys
from jotary.server.keyring.keyring import Keyring
from jotary.server.keyring.rotation import KeyStore, Rotation
from jotary.server.keyring.schedule import Rules
from jotary.server.keyring.seal import Sealer
from jotary.server.ports import Clock, Entropy
from jotary.server.settings import Settings


def make_rotation(settings: Settings, store: KeyStore, *, entropy: Entropy) -> Rotation:
    """What makes and retires this server's signing keys."""
    rules = Rules.of(
        algorithm=settings.signing_algorithm,
        jwks_max_age=settings.jwks_max_age,
        token_lifetime=max(settings.access_token_lifetime, settings.id_token_lifetime),
        leeway=settings.leeway,
    )
    return Rotation(store=store, sealer=make_sealer(settings), rules=rules, entropy=entropy)


def make_keyring(settings: Settings, store: KeyStore, *, clock: Clock, entropy: Entropy) -> Keyring:
    """What signs for this server."""
    rotation = make_rotation(settings, store, entropy=entropy)
    return Keyring(rotation=rotation, sealer=make_sealer(settings), clock=clock)


def make_sealer(settings: Settings) -> Sealer:
    """What seals this server's private keys."""
    return Sealer(*derive_keys(settings, "seal"))
