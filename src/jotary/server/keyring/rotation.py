"""Carrying out what the schedule says, safely when several processes do so at once."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, Protocol

import msgspec

from jotary.jose import Key, base64url, strict_json
from jotary.server.keyring import schedule
from jotary.server.keyring.addition import RotationRefusedError, check_addition
from jotary.server.keyring.alarm import Alarm, refused_of
from jotary.server.keyring.external import Reference, encode_reference
from jotary.server.keyring.schedule import Announce, Destroy, Retire, Rules, Step
from jotary.server.keyring.seal import NONCE_SIZE, Sealer
from jotary.server.keyring.stamp import Judged, Witness, refuse, stamped
from jotary.server.model.changes import (
    AddEvent,
    AddRevocation,
    AddSigningKey,
    Change,
    RememberAssertion,
    ReplaceSigningKey,
)
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Commit, Conflict, Entropy, SigningKeys, Unavailable

#: Times that a step is planned anew because another process was first.
_ATTEMPTS: Final = 5
#: Seconds that the feed names a withdrawn key: far longer than a verifier keeps keys that it cannot fetch anew (a day),
#: and than any cache on the way.
KEY_CUT_OFF_LIFETIME: Final = 30 * 86_400
#: Seconds that a successor's place stays taken: far longer than a process can hold facts from before it was taken.
_PLACE_LIFETIME: Final = 3600


class KeyStore(SigningKeys, Commit, Protocol):
    """What rotation needs from the store."""


class Rotation:
    """Makes, retires and destroys signing keys in the store. It never opens a sealed key.

    Rows that are not genuine are left alone: nothing is decided by them, but an emergency withdraws them, too.

    Args:
        store: where the keys are.
        sealer: seals the private part of new keys, and stamps their rows.
        rules: of the schedule.
        entropy: for nonces.
    """

    def __init__(self, *, store: KeyStore, sealer: Sealer, rules: Rules, entropy: Entropy) -> None:
        self._store = store
        self._sealer = sealer
        self._rules = rules
        self._entropy = entropy
        self._witness = Witness(sealer)
        self._reading = asyncio.Lock()
        self._alarm = Alarm(store)

    async def keep_schedule(self, now: int) -> Sequence[SigningKey]:
        """Do what is due at `now` (Unix seconds), the very first key included; return those believed as they then are.

        Raises:
            SealError: there are keys, and none is genuine.
            Unavailable: the database does not answer, or too many processes do the same.
        """
        for _ in range(_ATTEMPTS):
            judged = await self._read()
            await self._alarm(judged, now)
            _check(judged, now)
            steps = schedule.plan(judged.believed, now, self._rules)
            if not steps:
                return judged.believed
            await self._carry_out(steps, now, judged)
        raise Unavailable("the signing keys keep changing")

    @property
    def tampered(self) -> Sequence[str]:
        """The `kid` of every row that was refused at the last look, and would be published otherwise."""
        return self._alarm.kids

    def is_overdue(self, keys: Sequence[SigningKey], now: int) -> bool:
        """Whether an operator should have added a key by now."""
        return schedule.is_overdue(keys, now, self._rules)

    async def rotate(self, now: int, *, compromised: bool = False) -> Sequence[SigningKey]:
        """Start a rotation now; return the keys as they then are.

        In peace the successor is announced and takes over by itself later, and nobody notices. `compromised`: every
        key is withdrawn at once and a new one signs at once. The feed of cut-offs names the withdrawn ones, so that
        every API that follows it refuses what they signed within a second; others do so when they read the keys again.

        Raises:
            RotationRefusedError: keys come from an operator, who adds one.
            SealError: there are keys, and none is genuine; `compromised` withdraws those, too.
            Unavailable: the database does not answer, or too many processes do the same.
        """
        if self._rules.are_external:
            raise RotationRefusedError(
                "the server makes no keys: signing_keys is external",
                hint="Add the next one with: jotary key add, which takes --compromised as well.",
            )
        for _ in range(_ATTEMPTS):
            if await self._rotate(await self._read(), now, compromised=compromised):
                return await self._store.signing_keys()
        raise Unavailable("the signing keys keep changing")

    async def add(
        self, now: int, reference: Reference, public: Key, *, compromised: bool = False
    ) -> Sequence[SigningKey]:
        """Start a rotation to a key that a custodian holds; return the keys as they then are.

        Args:
            now: Unix seconds.
            reference: where it is.
            public: as it will be published.
            compromised: as for `rotate`.

        Raises:
            RotationRefusedError: it cannot be added now.
            Unavailable: the database does not answer, or too many processes do the same.
        """
        made = self._record(public, encode_reference(reference), now)
        for _ in range(_ATTEMPTS):
            judged = await self._read()
            # What is doubted takes over from nobody, but its name is taken.
            taken = (msgspec.structs.replace(key, retiring_from=0) for key in judged.doubted)
            check_addition([*judged.believed, *taken], made, now, self._rules, compromised=compromised)
            if await self._rotate(judged, now, made=made, compromised=compromised):
                return await self._store.signing_keys()
        raise Unavailable("the signing keys keep changing")

    async def _read(self) -> Judged:
        async with self._reading:  # an older answer must not be judged behind a newer one
            return self._witness.judge(await self._store.signing_keys())

    async def _rotate(self, judged: Judged, now: int, *, made: SigningKey | None = None, compromised: bool) -> bool:
        if not compromised:
            _check(judged, now)
            steps = schedule.plan_rotation(judged.believed, now, self._rules)
            return await self._carry_out(steps, now, judged, reason="requested", made=made)
        steps = schedule.plan_emergency(judged.believed, now, doubted=judged.doubted)
        cut_offs = [_cut_off(step.key, now) for step in steps if isinstance(step, Retire)]
        return await self._carry_out(steps, now, judged, reason="compromised", also=cut_offs, made=made)

    async def _carry_out(
        self,
        steps: Sequence[Step],
        now: int,
        judged: Judged,
        *,
        reason: str = "scheduled",
        also: Sequence[Change] = (),
        made: SigningKey | None = None,
    ) -> bool:
        """Write the steps in one transaction; False if another process was first and the facts must be read again."""
        changes: list[Change] = [*also]
        before: dict[str, SigningKey] = {}
        replaced: dict[str, SigningKey] = {}
        for step in steps:
            if isinstance(step, Announce):
                changes.append(_take_place([key.id for keys in judged for key in keys], now))
                changes += self._announce(step, made or await self._make(now), now, reason)
            else:
                before[step.key.id] = step.key
                replaced[step.key.id] = _apply(step, replaced.get(step.key.id, step.key))
                changes.append(_told(step, now, reason))
        changes += [ReplaceSigningKey(self._stamped(key), before[key.id]) for key in replaced.values()]
        try:
            await self._store.commit(*changes)
        except Conflict:
            return False
        return True

    async def _make(self, now: int) -> SigningKey:
        # Making an RSA key takes long enough to hold up everybody else's requests.
        key = await asyncio.to_thread(Key.generate, self._rules.algorithm)
        return self._record(key.public(), strict_json.dumps(key.to_jwk(private=True)), now)

    def _record(self, public: Key, private: bytes, now: int) -> SigningKey:
        """A key at rest, before it is decided from when on it signs, and stamped."""
        if public.kid is None or public.alg is None:
            raise ValueError("a key without public part, name or algorithm cannot be published")
        return SigningKey(
            id=public.kid,
            algorithm=public.alg,
            public_jwk=public.to_jwk(),
            sealed_private_key=self._sealer.seal(private, kid=public.kid, nonce=self._entropy(NONCE_SIZE)),
            announced_at=now,
            signing_from=now,
        )

    def _announce(self, step: Announce, made: SigningKey, now: int, reason: str) -> list[Change]:
        record = self._stamped(msgspec.structs.replace(made, signing_from=step.signing_from))
        detail = {"kid": record.id, "algorithm": record.algorithm, "signing_from": step.signing_from, "reason": reason}
        return [AddSigningKey(record), AddEvent(Event(kind="key.announced", at=now, detail=detail))]

    def _stamped(self, key: SigningKey) -> SigningKey:
        return stamped(key, self._sealer, self._entropy)


def _check(judged: Judged, now: int) -> None:
    """With another secret nothing is genuine; whoever then made keys of their own would replace everybody's."""
    refused = refused_of(judged, now)
    if refused and not judged.believed:
        raise refuse(key.id for key in refused)


def _cut_off(key: SigningKey, now: int) -> AddRevocation:
    """Whoever has the key writes any `iat`, so the cut-off touches every one."""
    end = now + KEY_CUT_OFF_LIFETIME
    return AddRevocation(Revocation(kind="kid", value=key.id, issued_before=end, created_at=now, expires_at=end))


def _take_place(beside: Sequence[str], now: int) -> RememberAssertion:
    """Of several processes that announce a key beside the same ones, one succeeds and the others look again.

    Doubted ones count, too, or hiding a key would lead back to a place that is taken. The store's memory of things that
    happen once is what tells processes apart; no client has the empty name under which this is remembered.
    """
    place = base64url.encode(sha256(" ".join(sorted(beside)).encode()).digest())
    return RememberAssertion(client_id="", jti=f"signing key beside {place}", expires_at=now + _PLACE_LIFETIME)


def _told(step: Retire | Destroy, now: int, reason: str) -> AddEvent:
    detail: dict[str, Any] = {"kid": step.key.id, "reason": reason}
    if isinstance(step, Destroy):
        return AddEvent(Event(kind="key.destroyed", at=now, detail=detail))
    detail |= {"retiring_from": step.retiring_from, "gone_from": step.gone_from}
    return AddEvent(Event(kind="key.retired", at=now, detail=detail))


def _apply(step: Step, key: SigningKey) -> SigningKey:
    changed: dict[str, Any] = {"sealed_private_key": b""}
    if isinstance(step, Retire):
        changed = {"retiring_from": step.retiring_from, "gone_from": step.gone_from}
    return msgspec.structs.replace(key, **changed)
