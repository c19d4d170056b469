"""Why a token is accepted or refused, check by check, for a person who looks for the reason. Pure.

It stands apart from verification and gives nothing that verification, or a handler, would take (design §4).
"""

from jotary.verifier.explain.explain import Circumstances, NoKeys, explain
from jotary.verifier.explain.kinds import Kind
from jotary.verifier.explain.providers import Provider
from jotary.verifier.explain.results import CheckResult, Explanation
from jotary.verifier.explain.standards import CHECKS

__all__ = ["CHECKS", "CheckResult", "Circumstances", "Explanation", "Kind", "NoKeys", "Provider", "explain"]
