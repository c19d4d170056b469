"""What an API is tested with: an issuer that signs whatever a test needs, a clock that stands still."""

from jotary.testing.clock import FrozenClock
from jotary.testing.issuer import TestIssuer
from jotary.testing.loopback_issuer import Fault, LoopbackIssuer

__all__ = ["Fault", "FrozenClock", "LoopbackIssuer", "TestIssuer"]
