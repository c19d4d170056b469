"""Fires forged tokens at an API: a good one first, then the attacks, then a good one again."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from jotary.testing.attacks import ATTACKS, select
from jotary.testing.attacks.attack import Attack, Level, Presented, bearer, present
from jotary.testing.attacks.forger import Forger
from jotary.testing.exchange import Answer, Request
from jotary.testing.issuer import TestIssuer
from jotary.testing.report import AttackReport, Finding, is_success, problem_of
from jotary.testing.target import Target, open_target


def attack_api(
    app: Any,
    route: str = "/",
    *,
    issuer: TestIssuer,
    scopes: Collection[str] = (),
    claims: Mapping[str, Any] | None = None,
    level: Level = "strict",
    without: Collection[str] = (),
    only: Collection[Attack] | None = None,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> AttackReport:
    """Send good tokens and forged ones to one route of an API, and report what was not refused.

    Args:
        app: an ASGI application, a WSGI application, or the http URL of a server on loopback.
        route: a path of the API that needs a token, with a query if it must have one.
        issuer: whose tokens the API takes, by the same keys, name, audience and clock.
        scopes: those that the route asks for.
        claims: what else the tokens say, such as `sub`.
        level: `essential` for what every API must refuse; `strict` for all attacks and the standards' own statuses.
        without: names of attacks or checks that are left out.
        only: the attacks to fire, instead of those of the level.
        method: of every request; those with good tokens, too.
        headers: the same.
        body: the same.

    Raises:
        ValueError: the URL is not on loopback, or level or without name what there is not.
        TypeError: the application is neither ASGI nor WSGI.
    """
    chosen = select(level, without) if only is None else tuple(only)
    forger = Forger(issuer, scopes=scopes, claims=claims)
    target = open_target(app)
    try:
        return _Trial(target, forger, _request(route, method, headers or {}, body), level).run(chosen)
    finally:
        forger.close()
        target.close()


def _request(route: str, method: str, headers: Mapping[str, str], body: bytes) -> Request:
    path, _, query = route.partition("?")
    named = tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items())
    return Request(method=method, path=path, query=query, headers=named, body=body)


class _Trial:
    """One route of one API, under fire."""

    def __init__(self, target: Target, forger: Forger, request: Request, level: Level) -> None:
        self._target = target
        self._forger = forger
        self._request = request
        self._is_strict = level == "strict"
        self._lacking: dict[str, bool] = {}

    def run(self, attacks: Iterable[Attack]) -> AttackReport:
        control = self._control()
        if not is_success(control):
            return AttackReport(control=control, fired=(), findings=())
        fired = tuple(attack for attack in attacks if self._forger.scopes or not attack.needs_scope)
        findings = tuple(finding for attack in fired if (finding := self._fire(attack)) is not None)
        # An API that has locked itself up refuses everything, which proves nothing.
        return AttackReport(control=self._control(), fired=fired, findings=findings)

    def _control(self) -> Answer:
        return self._send(bearer(self._forger.good()))

    def _fire(self, attack: Attack) -> Finding | None:
        visits = len(self._forger.visits)
        answer = self._send(present(attack.forge(self._forger)))
        was_visited = len(self._forger.visits) > visits
        problem = problem_of(attack, answer, is_strict=self._is_strict, was_visited=was_visited)
        if problem is None:
            return None
        check = attack.check if problem != "accepted" or was_visited else self._cause(attack)
        return Finding(attack=attack, answer=answer, problem=problem, check=check)

    def _cause(self, attack: Attack) -> str:
        """Name the check that is missing: perhaps one that stands before the attack's own."""
        return next((check for check in attack.supposes if self._lacks(check)), attack.check)

    def _lacks(self, check: str) -> bool:
        """Whether the API lets in what only this check refuses."""
        if check not in self._lacking:
            proofs = (attack for attack in ATTACKS if attack.check == check and self._supposes_nothing_missing(attack))
            self._lacking[check] = any(is_success(self._send(present(one.forge(self._forger)))) for one in proofs)
        return self._lacking[check]

    def _supposes_nothing_missing(self, attack: Attack) -> bool:
        return not any(self._lacks(check) for check in attack.supposes)

    def _send(self, presented: Presented) -> Answer:
        request = self._request
        query = "&".join(part for part in (request.query, presented.query) if part)
        authorization = tuple((b"authorization", value) for value in presented.authorization)
        return self._target.send(
            Request(
                method=request.method,
                path=request.path,
                query=query,
                headers=(*request.headers, *authorization),
                body=request.body,
            )
        )
