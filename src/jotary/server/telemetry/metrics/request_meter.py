"""Requests by where, how and how fast they were answered, and why not."""

from collections.abc import Callable

from starlette.types import Scope

from jotary.oauth.errors import OAuthError
from jotary.server.model.request_notes import GRANT, REFUSAL, ROUTE, STATUS
from jotary.server.telemetry.access_log import METHODS
from jotary.server.telemetry.around import GRANT_TYPES
from jotary.server.telemetry.metrics import catalogue
from jotary.server.telemetry.metrics.instruments import Instruments
from jotary.server.telemetry.metrics.tally import Tally


class RequestMeter:
    """Counts and measures requests. The label's values are looked up once for each combination, not at each request."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._durations = instruments.tallies(catalogue.REQUESTS)
        self._refusals = instruments.counter(catalogue.REFUSALS)
        self._tokens = instruments.tallies(catalogue.TOKENS)
        self._answers: dict[tuple[str, str], Tally] = {}
        self._bound: dict[tuple[str | None, str, int], Callable[[float], None]] = {}

    def __call__(self, scope: Scope, seconds: float) -> None:
        """Count one."""
        method = scope["method"]
        if method not in METHODS:
            method = "other"
        key = scope.get(ROUTE), method, scope.get(STATUS, 0) // 100
        observe = self._bound.get(key) or self._bind(*key)
        observe(seconds)
        refusal = scope.get(REFUSAL)
        grant = scope.get(GRANT)
        if grant is not None:
            self._count(grant, "ok" if refusal is None else refusal.error)
        if refusal is not None:
            self._refuse(key[0], refusal)

    def _count(self, grant: str, outcome: str) -> None:
        tally = self._answers.get((grant, outcome))
        if tally is None:
            known = grant if grant in GRANT_TYPES else "other"  # it may be any text
            tally = self._tokens.labels(known, outcome)
            if known == grant:
                self._answers[grant, outcome] = tally
        tally.total += 1

    def _bind(self, route: str | None, method: str, status: int) -> Callable[[float], None]:
        labels = route or "none", method, f"{status}xx" if status else "gone"
        observe: Callable[[float], None] = self._durations.labels(*labels).observe
        self._bound[route, method, status] = observe
        return observe

    def _refuse(self, route: str | None, error: OAuthError) -> None:
        reason = self._instruments.bounded(error.description)
        self._refusals.labels(route or "none", error.error, reason).inc()
