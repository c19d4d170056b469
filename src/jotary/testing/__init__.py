"""What an API is tested with: an issuer that signs whatever a test needs, a clock that stands still, and attacks."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jotary.testing.attacks import ATTACKS
    from jotary.testing.attacks.attack import Attack, Presented
    from jotary.testing.attacks.forger import Forger
    from jotary.testing.clock import FrozenClock
    from jotary.testing.exchange import Answer
    from jotary.testing.firing import attack_api
    from jotary.testing.issuer import TestIssuer
    from jotary.testing.loopback_issuer import Fault, LoopbackIssuer
    from jotary.testing.report import AttackReport, Finding

__all__ = [
    "ATTACKS",
    "Answer",
    "Attack",
    "AttackReport",
    "Fault",
    "Finding",
    "Forger",
    "FrozenClock",
    "LoopbackIssuer",
    "Presented",
    "TestIssuer",
    "attack_api",
]

_HOMES = {
    "ATTACKS": "attacks",
    "Answer": "exchange",
    "Attack": "attacks.attack",
    "AttackReport": "report",
    "Fault": "loopback_issuer",
    "Finding": "report",
    "Forger": "attacks.forger",
    "FrozenClock": "clock",
    "LoopbackIssuer": "loopback_issuer",
    "Presented": "attacks.attack",
    "TestIssuer": "issuer",
    "attack_api": "firing",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is asked for: pytest loads our plugin in every run, also in one that needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
