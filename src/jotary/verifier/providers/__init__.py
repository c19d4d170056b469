"""Providers that are known by name. A new one is one file, and one line here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jotary.verifier.providers.auth0 import auth0
from jotary.verifier.providers.cognito import cognito
from jotary.verifier.providers.entra import entra
from jotary.verifier.providers.firebase import firebase
from jotary.verifier.providers.fusionauth import fusionauth
from jotary.verifier.providers.google import google
from jotary.verifier.providers.jotary import jotary
from jotary.verifier.providers.keycloak import keycloak
from jotary.verifier.providers.okta import okta
from jotary.verifier.providers.preset import Preset

PROVIDERS: Mapping[str, Callable[..., Preset]] = MappingProxyType(
    {make.__name__: make for make in (jotary, auth0, cognito, entra, firebase, fusionauth, google, keycloak, okta)}
)

# What a verifier can be told beside: everything but what the provider decides.
_SETTINGS_OF_ANY_VERIFIER = frozenset(
    {
        "algorithms",
        "cache_size",
        "clock",
        "follow_revocations",
        "jwks_uri",
        "key_policy",
        "keys",
        "leeway",
        "max_token_size",
        "on_stale",
        "revocations",
        "ssl_context",
        "stale_after",
        "timeout",
    }
)


def options(provider: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a verifier for a provider's tokens.

    Args:
        provider: its name.
        settings: the provider's own, and those of any verifier, which go before what the provider says.

    Raises:
        ValueError: the provider is not known, or a setting cannot be.
        TypeError: a setting is missing, or is none of the provider's.
    """
    make = PROVIDERS.get(provider)
    if make is None:
        raise ValueError(f"provider must be one of {', '.join(sorted(PROVIDERS))}")
    own = {name: value for name, value in settings.items() if name not in _SETTINGS_OF_ANY_VERIFIER}
    preset = make(**own)
    decided = {name: getattr(preset, name) for name in Preset.__struct_fields__}
    shared = {name: value for name, value in settings.items() if name in _SETTINGS_OF_ANY_VERIFIER}
    return {**{name: value for name, value in decided.items() if value is not None}, **shared}
