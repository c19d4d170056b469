"""A clock that is wrong by a minute or an hour, ahead or behind, refuses nobody and revives nothing.

One of two servers has the wrong clock, then is set right again. Sessions go on at both in turns; the tokens of either
are taken by APIs that share its clock, and by those with the other clock and a leeway of a minute, if that is enough.
What was used up stays used up: codes (RFC 6749 §4.1.2), refresh tokens, ended sessions, client assertions (RFC 7523 §3)
and revoked access tokens, also when the wrong clock has swept away what it takes for expired.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from faults.client import Answer, Client
from faults.clock import SharedClock
from faults.fault import Control, Effort, Figure, Report
from faults.sabotage import applied
from faults.scene import AUDIENCE, CLIENT, Scene, folder
from faults.spawner import Spawner
from jotary import InvalidToken, TokenVerifier
from jotary.server.flows import endpoints
from jotary.server.model.changes import RememberAssertion
from jotary.server.ports import Conflict
from jotary.server.store import Store, open_store

NAME: Final = "clock"
CONTROLS: Final[Mapping[str, Control]] = {
    "no-leeway": Control("the leeway of APIs", "faults.sabotages:no_leeway", "valid access tokens refused"),
    "no-grace": Control("the grace of sweeping", "faults.sabotages:no_grace", "used-up things that were good again"),
}

_MINUTE, _HOUR = 60, 3600
_RIGHT, _WRONG = 0, 1  # which of the two servers
_DISPLACEMENTS: Final = {Effort.FULL: (-_HOUR, -_MINUTE, _MINUTE, _HOUR), Effort.SHORT: (-_MINUTE, _HOUR)}
_SESSIONS: Final = {Effort.FULL: 100, Effort.SHORT: 3}
_ROUNDS: Final = 6  # refreshes of each session, at the servers in turns


@dataclass
class _Tally:
    refreshes: int = 0
    refused: int = 0
    verified: int = 0
    token_refused: int = 0
    used_up: int = 0
    revived: int = 0
    repeated: int = 0
    taken_for_theft: int = 0


def run(effort: Effort, control: Control | None = None) -> Report:
    """Displace one clock after the other way, and try everything at both servers."""
    tally, sessions = _Tally(), len(_DISPLACEMENTS[effort]) * _SESSIONS[effort]
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        spawner = stack.enter_context(Spawner(place))
        stack.enter_context(applied(control))
        for displacement in _DISPLACEMENTS[effort]:
            sabotage = "" if control is None else control.sabotage
            servers = _Place(place, spawner, displacement, _SESSIONS[effort], sabotage)
            asyncio.run(servers.try_all(tally))
    return Report(
        (
            Figure.at_least("refreshes at the servers in turns", tally.refreshes, sessions * _ROUNDS),
            Figure.at_most("refreshes refused", tally.refused, 0),
            Figure.at_least("verifications of access tokens", tally.verified, sessions * _ROUNDS),
            Figure.at_most("valid access tokens refused", tally.token_refused, 0),
            Figure.at_least("used-up things tried again", tally.used_up, sessions * 9),
            Figure.at_most("used-up things that were good again", tally.revived, 0),
        ),
        (_remark(tally),),
    )


def _remark(tally: _Tally) -> str:
    return (
        f"{tally.taken_for_theft} of {tally.repeated} requests that were repeated at the other server at once ended "
        "their session: those at a server whose clock is further ahead of the one that rotated than "
        "`refresh_retry_window`. That is the safe side; on PostgreSQL the window is measured by its clock."
    )


class _Place:
    """Two servers on one database; the clock of the second one is wrong."""

    def __init__(self, place: Path, spawner: Spawner, displacement: int, sessions: int, sabotage: str) -> None:
        self._displacement = displacement
        home = place / f"by {displacement} seconds"
        home.mkdir()
        self._clocks = (SharedClock(home / "right"), SharedClock(home / "wrong"))
        self._clocks[_WRONG].advance(displacement)
        doors = [spawner.open_door(), spawner.open_door()]
        self._scene = Scene(home, doors[_RIGHT].origin, {})
        for door, clock in zip(doors, self._clocks, strict=True):
            spawner.start(door, self._scene.environment, clock=str(clock.file), sabotage=sabotage)
        self._ports = [door.port for door in doors]
        self._going_on = self._scene.add_sessions(sessions)
        self._repeating = self._scene.add_sessions(2 * sessions)
        self._ending = self._scene.add_sessions(sessions)
        self._codes = self._scene.add_codes(sessions)

    async def try_all(self, tally: _Tally) -> None:
        """Everything at both servers; the sessions that must go on last, also when the clock is right again."""
        clients = [Client([port]) for port in self._ports]
        store = await open_store(self._scene.settings.database)
        try:
            with _APIs(self._scene, self._ports, self._clocks, self._displacement) as apis:
                used = await self._use_up(clients[_RIGHT], store)
                await self._try_again(used, clients[_WRONG], store, tally)
                await store.purge(self._clocks[_WRONG]())  # as every server does by its own clock
                await self._try_again(used, clients[_RIGHT], store, tally)
                tally.used_up += len(used.access_tokens)
                tally.revived += await apis.takes_revoked(used.access_tokens)
                await self._repeat(clients, tally)
                for token in self._going_on:
                    await self._go_on(token, clients, apis, tally)
        finally:
            await store.close()
            for client in clients:
                client.close()

    async def _go_on(self, refresh_token: str, clients: Sequence[Client], apis: "_APIs", tally: _Tally) -> None:
        """Refresh in turns; for the last round the wrong clock is set right."""
        for turn in range(_ROUNDS):
            if turn == _ROUNDS - 2:
                self._clocks[_WRONG].advance(-self._displacement)
            answer = await clients[turn % 2].insist(self._scene.refresh(refresh_token))
            tally.refreshes += 1
            if answer.status != 200:
                tally.refused += 1
                break
            refresh_token = answer.member("refresh_token")
            await apis.show(answer.member("access_token"), turn % 2, tally)
        self._clocks[_WRONG].set(self._clocks[_RIGHT]() + self._displacement)

    async def _repeat(self, clients: Sequence[Client], tally: _Tally) -> None:
        """The answer was lost, and the request is repeated at the other server."""
        for number, token in enumerate(self._repeating):
            first, other = clients[number % 2], clients[(number + 1) % 2]
            await first.insist(self._scene.refresh(token))
            tally.repeated += 1
            tally.taken_for_theft += (await other.insist(self._scene.refresh(token))).status != 200

    async def _use_up(self, client: Client, store: Store) -> "_Used":
        """Redeem codes, rotate twice, revoke sessions with their access tokens, remember an assertion."""
        used = _Used(list(self._codes), [], [], secrets.token_hex(8))
        for code in self._codes:
            opened = await _succeed(client, self._scene.redeem(code))
            token = opened.member("refresh_token")
            used.refresh_tokens.append(token)
            for _ in range(2):
                token = (await _succeed(client, self._scene.refresh(token))).member("refresh_token")
        for token in self._ending:
            opened = await _succeed(client, self._scene.refresh(token))
            access_token = opened.member("access_token")
            if not await self._is_active(client, access_token):
                raise RuntimeError("a good access token is not active")
            await _succeed(client, self._scene.revoke(opened.member("refresh_token")))
            used.refresh_tokens.append(opened.member("refresh_token"))
            used.access_tokens.append(access_token)
        await store.commit(self._assertion(used))
        return used

    async def _try_again(self, used: "_Used", client: Client, store: Store, tally: _Tally) -> None:
        requests = [*map(self._scene.redeem, used.codes), *map(self._scene.refresh, used.refresh_tokens)]
        tally.used_up += len(requests) + len(used.access_tokens) + 1
        for request in requests:
            tally.revived += (await client.insist(request)).status == 200
        for access_token in used.access_tokens:
            tally.revived += await self._is_active(client, access_token)
        try:
            await store.commit(self._assertion(used))
        except Conflict:
            return
        tally.revived += 1

    def _assertion(self, used: "_Used") -> RememberAssertion:
        return RememberAssertion(client_id=CLIENT, jti=used.assertion, expires_at=self._clocks[_RIGHT]() + _MINUTE)

    async def _is_active(self, client: Client, access_token: str) -> bool:
        answer = await _succeed(client, self._scene.post(endpoints.INTROSPECTION, {"token": access_token}))
        return answer.member("active") == "True"


@dataclass(frozen=True)
class _Used:
    codes: list[str]
    refresh_tokens: list[str]
    access_tokens: list[str]
    assertion: str


async def _succeed(client: Client, request: bytes) -> Answer:
    answer = await client.insist(request)
    if answer.status != 200:
        raise RuntimeError(f"refused before anything was wrong: {answer}")
    return answer


class _APIs:
    """For each server one that shares its clock; and for a small displacement one with the other clock and a leeway."""

    def __init__(self, scene: Scene, ports: Sequence[int], clocks: Sequence[SharedClock], displacement: int) -> None:
        self._scene, self._clocks = scene, clocks
        self._jwks_uri = f"http://127.0.0.1:{ports[_RIGHT]}{endpoints.JWKS}"
        self._near = [self._api(clock, 5) for clock in clocks]
        self._far = [self._api(clock, _MINUTE) for clock in reversed(clocks)] if abs(displacement) <= _MINUTE else []

    def __enter__(self) -> Self:
        """Nothing is fetched yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Use the network no more."""
        for api in (*self._near, *self._far):
            api.close()

    def _api(self, clock: SharedClock, leeway: int) -> TokenVerifier:
        return TokenVerifier(
            issuer=self._scene.issuer,
            audience=AUDIENCE,
            jwks_uri=self._jwks_uri,
            leeway=leeway,
            clock=clock,
            follow_revocations=False,
        )

    async def show(self, access_token: str, server: int, tally: _Tally) -> None:
        """A token that this server made a moment ago."""
        for api in (self._near[server], *self._far[server : server + 1]):
            tally.verified += 1
            tally.token_refused += not await _takes(api, access_token)

    async def takes_revoked(self, access_tokens: Sequence[str]) -> int:
        """How many revoked tokens an API takes that starts now and follows the feed of cut-offs."""
        api = TokenVerifier(issuer=self._scene.issuer, audience=AUDIENCE, clock=self._clocks[_RIGHT])
        try:
            return sum([await _takes(api, access_token) for access_token in access_tokens])
        finally:
            api.close()


async def _takes(api: TokenVerifier, access_token: str) -> bool:
    try:
        await api.averify(access_token)
    except InvalidToken:
        return False
    return True
