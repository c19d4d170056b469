"""What an API expects, from a command line: an issuer, or a provider that is known by name with its settings."""

import inspect
from collections import defaultdict
from typing import Any

import click
import msgspec

from jotary.jose import KeySet
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier import providers
from jotary.verifier.explain import Circumstances, NoKeys
from jotary.verifier.revocations import Revocations

_BOOLEANS = {"true": True, "false": False}


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is held against; the members are those of `Circumstances`, and where the keys are."""

    issuer: str | None
    audiences: frozenset[str]
    algorithms: frozenset[str] = frozenset(DEFAULT_ALGORITHMS)
    profile: TokenProfile | None = None
    jwks_uri: str | None = None
    keys: KeySet | None = None

    def circumstances(self, keys: KeySet | NoKeys, revocations: Revocations | None = None) -> Circumstances:
        """The same, with the keys."""
        return Circumstances(
            issuer=self.issuer,
            audiences=self.audiences,
            keys=keys,
            revocations=revocations,
            algorithms=self.algorithms,
            profile=self.profile,
        )


def trusted_provider(
    provider: str, issuer: str | None, audiences: tuple[str, ...], settings: tuple[str, ...]
) -> Trusted:
    """Make what `TokenVerifier.for_provider` makes of the same settings.

    Args:
        provider: one that is known.
        issuer: a setting like any other, for providers that have it.
        audiences: likewise.
        settings: each "name=value"; a name that is given several times has a list.

    Raises:
        click.BadParameter: a setting is missing, is none of the provider's, or cannot be.
    """
    given = _read(settings)
    if issuer is not None:
        given["issuer"] = issuer
    if audiences:
        given["audience"] = list(audiences)
    _check_names(provider, given)
    try:
        decided = providers.options(provider, given)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--set") from None
    audience = decided["audience"]
    return Trusted(
        issuer=decided["issuer"],
        audiences=frozenset((audience,) if isinstance(audience, str) else audience),
        algorithms=frozenset(_listed(decided.get("algorithms", DEFAULT_ALGORITHMS))),
        profile=decided.get("profile"),
        jwks_uri=decided.get("jwks_uri"),
        keys=decided.get("keys"),
    )


#: Settings of any verifier that a command line can give, too.
_SHARED = frozenset({"algorithms", "jwks_uri"})
_LISTS = frozenset({"algorithms", "kids", "tenants"})


def _read(settings: tuple[str, ...]) -> dict[str, Any]:
    values: defaultdict[str, list[str]] = defaultdict(list)
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name or not value:
            raise click.BadParameter(f"{setting!r} must be NAME=VALUE.", param_hint="--set")
        values[name].append(value)
    return {name: _value(name, several) for name, several in values.items()}


def _value(name: str, several: list[str]) -> object:
    if len(several) > 1 or name in _LISTS:
        return several
    return _BOOLEANS.get(several[0], several[0])


def _check_names(provider: str, given: dict[str, Any]) -> None:
    """Say which settings there are, since `TypeError` speaks of a function."""
    parameters = inspect.signature(providers.PROVIDERS[provider]).parameters
    missing = [name for name, row in parameters.items() if row.default is row.empty and name not in given]
    if missing:
        raise click.BadParameter(f"{provider} needs {', '.join(missing)}.", param_hint="--set")
    unknown = sorted(given.keys() - parameters.keys() - _SHARED)
    if unknown:
        others = ", ".join((*parameters, *sorted(_SHARED)))
        raise click.BadParameter(f"{provider} has no {', '.join(unknown)}, but {others}.", param_hint="--set")


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
