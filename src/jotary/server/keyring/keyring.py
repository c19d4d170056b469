"""The signing keys of this process: what it signs with and what it publishes."""

from collections.abc import Mapping, Sequence
from typing import Any

from jotary.jose import Key, KeySet, base64url, jws, strict_json
from jotary.server.keyring.external import Custodians, Reference, read_reference
from jotary.server.keyring.rotation import Rotation
from jotary.server.keyring.schedule import choose_signing_key, is_gone, may_sign
from jotary.server.keyring.seal import Sealer, SealError
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Clock, Unavailable


class Keyring:
    """Signs with the key whose time it is (the `Signer` port) and keeps the schedule.

    `refresh` must be awaited before the first use and then at least every `schedule.RELOAD_INTERVAL` seconds.

    Args:
        rotation: reads the keys and does what is due.
        sealer: opens the private parts.
        clock: Unix seconds.
        custodians: ask the HSM or KMS for what they hold; None where the server holds all its keys.
    """

    def __init__(
        self, *, rotation: Rotation, sealer: Sealer, clock: Clock, custodians: Custodians | None = None
    ) -> None:
        self._custodians = custodians or Custodians({})
        self._rotation = rotation
        self._sealer = sealer
        self._clock = clock
        self._records: Sequence[SigningKey] = ()
        self._opened: dict[str, Key | Reference] = {}
        self._headers: dict[tuple[str, str], bytes] = {}
        self.is_overdue = False  # whether an operator should have added a key by now
        self._public = KeySet()
        self._published: dict[str | None, Key] = {}

    async def refresh(self) -> None:
        """Do what is due and read the keys anew. If the database does not answer, the keys that are known go on.

        Raises:
            SealError: a key that should sign does not open under this server's secrets, and the others go on; or no
                key is genuine, and none does. What was withdrawn is neither used nor published any more.
            Unavailable: the database does not answer.
        """
        now = self._clock()
        try:
            records = [key for key in await self._rotation.keep_schedule(now) if not is_gone(key, now)]
        except SealError:
            self._opened, self._records = {}, ()
            self._publish(())
            raise
        failure: SealError | None = None
        opened: dict[str, Key | Reference] = {}
        for record in records:
            try:
                if may_sign(record, now):
                    opened[record.id] = self._open(record)
            except SealError as error:
                failure = error
        self._opened = opened
        self._headers = {name: text for name, text in self._headers.items() if name[0] in self._opened}
        self._records = records
        self._publish(records)
        self.is_overdue = self._rotation.is_overdue(records, now)
        if failure is not None:
            raise failure
        if not records:
            raise Unavailable("there is no signing key yet; add one with: jotary key add")

    async def sign(self, claims: Mapping[str, Any], *, typ: str, algorithm: str | None = None) -> str:
        """A compact JWS over the claims, with `kid` and `typ` (RFC 7515 §3.1).

        Args:
            claims: JSON values.
            typ: the media type, which keeps one kind of token from passing as another (RFC 8725 §3.11).
            algorithm: which the key must have; None takes the server's own.

        Raises:
            Unavailable: no key of this algorithm may sign now, or the HSM or KMS that holds it does not.
        """
        chosen = choose_signing_key(self._records, self._clock(), algorithm)
        key = None if chosen is None else self._opened.get(chosen.id)
        if chosen is None or key is None:
            raise Unavailable(f"no signing key for {algorithm or 'any algorithm'}")
        payload, header = strict_json.dumps(dict(claims)), self._header(chosen, typ)
        if isinstance(key, Key):
            return jws.sign_with(payload, key, chosen.algorithm, header)
        return await self._custodians.sign(key, self._published[chosen.id], payload, header)

    def public_keys(self) -> KeySet:
        """The published keys: announced, signing and retiring. The same object until one comes or goes."""
        return self._public

    @property
    def tampered(self) -> Sequence[str]:
        """The `kid` of every row that somebody wrote without the server's secret, as last read; it is not used."""
        return self._rotation.tampered

    @property
    def records(self) -> Sequence[SigningKey]:
        """The keys at rest that are not gone, as last read."""
        return self._records

    def close(self) -> None:
        """Let go of the HSM or KMS."""
        self._custodians.close()

    def _open(self, record: SigningKey) -> Key | Reference:
        known = self._opened.get(record.id)
        if known is not None:
            return known
        private = self._sealer.unseal(record.sealed_private_key, kid=record.id)
        return read_reference(private) or Key.from_jwk(strict_json.loads_object(private))

    def _publish(self, records: Sequence[SigningKey]) -> None:
        if [key.kid for key in self._public] != [record.id for record in records]:
            self._public = KeySet.from_jwks({"keys": [record.public_jwk for record in records]})
            self._published = {key.kid: key for key in self._public}

    def _header(self, record: SigningKey, typ: str) -> bytes:
        """The encoded header: the same for every token of a key and type."""
        text = self._headers.get((record.id, typ))
        if text is None:
            members = {"alg": record.algorithm, "kid": record.id, "typ": typ}
            text = self._headers[record.id, typ] = base64url.encode_bytes(strict_json.dumps(members))
        return text
