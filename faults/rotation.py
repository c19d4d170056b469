"""Signing keys rotate under load: no valid token is refused, no retired key is accepted after its time (design §6.2).

Clients refresh at two servers all the while. Each access token goes at once, and again later in its life, to three
APIs: two with jotary's verifier, which read their keys at one of the servers each, and one that keeps a key set for
exactly as long as its `max-age` says and asks nobody in between. What a withdrawn private key signs goes to the same.

Time is a `SharedClock`, since a key is announced a minute before it signs.
"""

import asyncio
import os
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import uvloop

from faults.client import Client, get
from faults.clock import SharedClock
from faults.fault import Control, Effort, Figure, Report
from faults.sabotage import applied
from faults.scene import AUDIENCE, CLIENT, SCOPE, USER, Scene, folder
from faults.spawner import Spawner
from jotary import InvalidToken, TokenVerifier
from jotary.jose import Key, KeySet, base64url, jwt, strict_json
from jotary.server.flows import endpoints
from jotary.server.keyring.composition import make_rotation, make_sealer
from jotary.server.store import Store, open_store
from jotary.tokens.access_token import TYP, access_token_claims

NAME: Final = "rotation"
CONTROLS: Final[Mapping[str, Control]] = {
    "no-announcement": Control("the announcement", "faults.sabotages:no_announcement", "valid tokens refused"),
    "retired-kept": Control(
        "the end of a retired key", "faults.sabotages:keep_retired_keys", "tokens of retired keys accepted"
    ),
}

_ROTATIONS: Final = {Effort.FULL: 200, Effort.SHORT: 2}
_CLIENTS: Final = 4
_MAX_AGE: Final = 30
_LIFETIME: Final = 60
_SETTINGS: Final = {
    "JOTARY_JWKS_MAX_AGE": str(_MAX_AGE),
    "JOTARY_ACCESS_TOKEN_LIFETIME": str(_LIFETIME),
    "JOTARY_ID_TOKEN_LIFETIME": str(_LIFETIME),
}
_STEP: Final = 5  # seconds that the clock moves at once
_REST: Final = 0.02  # seconds in which a server looks at its keys after that
_REMEMBERED: Final = 64  # tokens that are shown again


class _API(Protocol):
    async def averify(self, token: str) -> object:
        """Take the token, or raise InvalidToken."""


class _StrictCache:
    """An API that does what HTTP allows: it keeps the key set for `max-age` seconds, whatever comes (RFC 9111 §4.2)."""

    def __init__(self, issuer: str, port: int, clock: SharedClock) -> None:
        self._issuer, self._clock = issuer, clock
        self._client = Client([port])
        self._until = 0
        self._lock = asyncio.Lock()

    async def averify(self, token: str) -> object:
        """Take the token, or raise InvalidToken."""
        async with self._lock:
            if self._clock() >= self._until:
                self._until = self._clock() + _MAX_AGE
                answer = await self._client.insist(get(endpoints.JWKS))
                keys = KeySet.from_jwks(strict_json.loads_object(answer.body))
                self._verifier = TokenVerifier.offline(
                    issuer=self._issuer, audience=AUDIENCE, keys=keys, clock=self._clock
                )
        return self._verifier.verify(token)

    def close(self) -> None:
        """Hang up."""
        self._client.close()


@dataclass
class _Tally:
    rotations: int = 0
    verified: int = 0
    refused: int = 0
    forged: int = 0
    accepted: int = 0
    key_ids: set[str] = field(default_factory=set)


def run(effort: Effort, control: Control | None = None) -> Report:
    """Rotate again and again while clients refresh and APIs verify."""
    rotations, tally = _ROTATIONS[effort], _Tally()
    with folder() as place, Spawner(place) as spawner, applied(control):
        clock = SharedClock(place / "clock")
        doors = [spawner.open_door(), spawner.open_door()]
        scene = Scene(place, doors[0].origin, _SETTINGS)
        for door in doors:
            sabotage = "" if control is None else control.sabotage
            spawner.start(door, scene.environment, sabotage=sabotage, clock=str(clock.file))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            tokens = scene.add_sessions(_CLIENTS)
            runner.run(_Campaign(scene, [door.port for door in doors], clock, tally).run(rotations, tokens))
    return Report(
        (
            Figure.at_least("rotations", tally.rotations, rotations),
            Figure.at_least("keys that signed tokens", len(tally.key_ids), rotations),
            Figure.at_least("verifications of valid tokens", tally.verified, rotations * 10),
            Figure.at_most("valid tokens refused", tally.refused, 0),
            Figure.at_least("tokens signed with retired keys", tally.forged, rotations),
            Figure.at_most("tokens of retired keys accepted", tally.accepted, 0),
        )
    )


class _Campaign:
    def __init__(self, scene: Scene, ports: list[int], clock: SharedClock, tally: _Tally) -> None:
        self._scene, self._ports, self._clock, self._tally = scene, ports, clock, tally
        self._cache = _StrictCache(scene.issuer, ports[1], clock)
        jwks = [f"http://127.0.0.1:{port}{endpoints.JWKS}" for port in ports]
        self._verifiers = [
            TokenVerifier(issuer=scene.issuer, audience=AUDIENCE, jwks_uri=uri, clock=clock, follow_revocations=False)
            for uri in jwks
        ]
        self._apis: list[_API] = [self._cache, *self._verifiers]
        self._seen: deque[tuple[str, int]] = deque(maxlen=_REMEMBERED)
        self._is_over = False

    async def run(self, rotations: int, refresh_tokens: list[str]) -> None:
        """Rotate; then wait for the end of the last key that retires."""
        store = await open_store(self._scene.settings.database)
        clients = [Client(self._ports) for _ in refresh_tokens]
        load = asyncio.gather(*map(self._refresh, clients, refresh_tokens))
        try:
            await self._pass(_STEP)
            while self._tally.rotations < rotations and not load.done():
                await self._rotate(store)
        finally:
            self._is_over = True
            await asyncio.wait([load])
            self._close(clients)
            await store.close()
        load.result()

    def _close(self, clients: list[Client]) -> None:
        self._cache.close()
        for verifier in self._verifiers:
            verifier.close()
        for client in clients:
            client.close()

    async def _rotate(self, store: Store) -> None:
        settings = self._scene.settings
        rotation = make_rotation(settings, store, entropy=os.urandom)
        sealer = make_sealer(settings)
        privates = {
            key.id: Key.from_jwk(strict_json.loads_object(sealer.unseal(key.sealed_private_key, kid=key.id)))
            for key in await store.signing_keys()
            if key.sealed_private_key
        }
        keys = await rotation.rotate(self._clock())
        self._tally.rotations += 1
        ends = [(key.id, key.gone_from) for key in keys if key.gone_from is not None and key.id in privates]
        successor = max(key.signing_from for key in keys)
        await self._pass(max(successor - self._clock(), 0) + _STEP)
        for key_id, gone_from in ends:
            await self._pass(gone_from + _MAX_AGE + _STEP - self._clock())
            await self._present_forgery(privates[key_id])

    async def _pass(self, seconds: int) -> None:
        """Let time pass in steps, in each of which both servers have had their turn."""
        end = self._clock() + seconds
        clients = [Client([port]) for port in self._ports]
        while self._clock() < end:
            self._clock.advance(min(_STEP, end - self._clock()))
            await asyncio.sleep(_REST)
            for client in clients:
                await client.insist(get(endpoints.JWKS))
        for client in clients:
            client.close()

    async def _refresh(self, client: Client, refresh_token: str) -> None:
        while not self._is_over:
            client.turn_to(random.randrange(2))
            answer = await client.insist(self._scene.refresh(refresh_token))
            refresh_token = answer.member("refresh_token")
            token = answer.member("access_token")
            expires_at = int(_part(token, 1)["exp"])
            self._seen.append((token, expires_at))
            for shown, end in ((token, expires_at), random.choice(self._seen)):
                for api in self._apis:
                    await self._show(api, shown, end)
            await asyncio.sleep(0)

    async def _show(self, api: _API, token: str, expires_at: int) -> None:
        self._tally.key_ids.add(_part(token, 0)["kid"])
        try:
            await api.averify(token)
        except InvalidToken:
            if self._clock() >= expires_at:
                return
            self._tally.refused += 1
        self._tally.verified += 1

    async def _present_forgery(self, key: Key) -> None:
        now = self._clock()
        claims = access_token_claims(
            issuer=self._scene.issuer,
            subject=USER,
            audience=[AUDIENCE],
            client_id=CLIENT,
            scopes=[SCOPE],
            session_id=None,
            jti=os.urandom(8).hex(),
            now=now,
            lifetime=_LIFETIME,
        )
        token = jwt.sign(claims, key, typ=TYP)
        for api in self._apis:
            self._tally.forged += 1
            try:
                await api.averify(token)
            except InvalidToken:
                continue
            self._tally.accepted += 1


def _part(token: str, number: int) -> dict[str, Any]:
    """The header (0) or the claims (1) of a token, unverified."""
    return strict_json.loads_object(base64url.decode(token.split(".")[number]))
