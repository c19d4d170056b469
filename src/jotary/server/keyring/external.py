"""The signer port: keys that an HSM or a KMS holds. The server knows where they are, never has them (design §6.2)."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature

from jotary.jose import Key, base64url
from jotary.server.keyring.threads import Threads
from jotary.server.ports import Unavailable

Answer = TypeVar("Answer")

_EXTRAS: Final = {"pkcs11": "pkcs11", "aws-kms": "aws"}

#: Algorithms that an external key may sign with, in the order in which one is taken for a key.
ALGORITHMS: Final = ("ES256", "RS256", "EdDSA")
#: Signatures at a time; an HSM or KMS answers several.
WORKERS: Final = 8
#: Signatures that may wait for a thread.
QUEUE: Final = 256
#: Seconds that a signature may take, waiting included.
TIMEOUT: Final = 5.0


class Reference(msgspec.Struct, frozen=True, tag="external", tag_field="kind"):
    """Where a key is. It is sealed as a private key is: who can write to the database cannot point elsewhere.

    Attributes:
        custodian: `pkcs11` or `aws-kms`.
        name: by which the custodian knows the key.
    """

    custodian: str
    name: str


def encode_reference(reference: Reference) -> bytes:
    """What is sealed in the place of a private key."""
    return msgspec.json.encode(reference)


def read_reference(unsealed: bytes) -> Reference | None:
    """What was sealed, if it is a reference; None if it is a private key, which has no member `kind`."""
    try:
        return msgspec.json.decode(unsealed, type=Reference)
    except msgspec.ValidationError:
        return None


class Custodian(Protocol):
    """What holds keys. Every method blocks, may be called from several threads, and raises `Unavailable` on failure."""

    def public_key(self, name: str) -> tuple[Reference, Key]:
        """Where the key is, by a name that will not mean another one later, and its public part.

        Raises:
            Unavailable: it cannot be asked.
            NoSuchKeyError: there is none of this name, or none that can sign here.
        """

    def sign(self, name: str, algorithm: str, message: bytes) -> bytes:
        """The signature over the message as JOSE spells it (RFC 7518 §3.3, §3.4, RFC 8037 §3.1).

        Raises:
            Unavailable: it could not be made.
        """

    def close(self) -> None:
        """Let go of the connections."""


class NoSuchKeyError(Exception):
    """There is no such key, or it cannot sign here.

    Attributes:
        hint: what to change.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


def as_signing_key(key: Key) -> Key:
    """The public key with the name, algorithm and use that it is published with.

    Raises:
        NoSuchKeyError: no algorithm that this server signs with takes it.
    """
    for algorithm in ALGORITHMS:
        if algorithm in key.verifying_algorithms:
            members = {name: value for name, value in key.to_jwk().items() if name not in {"use", "key_ops"}}
            return Key.from_jwk({**members, "kid": key.thumbprint(), "alg": algorithm, "use": "sig"})
    raise NoSuchKeyError(
        f"a key of type {key.kty} and this curve or size cannot sign here",
        hint="Make one on P-256, an RSA key of 2048 bits or more, or one on Ed25519.",
    )


class Custodians:
    """The custodians by name, made at first use, and the threads in which they are asked.

    Args:
        makers: what makes each.
        workers: calls at a time.
        queue: calls that may wait.
        timeout: seconds that a call may take, waiting included.
    """

    def __init__(
        self,
        makers: dict[str, Callable[[], Custodian]],
        *,
        workers: int = WORKERS,
        queue: int = QUEUE,
        timeout: float = TIMEOUT,
    ) -> None:
        self._makers = makers
        self._made: dict[str, Custodian] = {}
        self._lock = threading.Lock()
        self._timeout = timeout
        self._places = threading.Semaphore(workers + queue)
        self._threads = Threads(workers, name="custodian")

    async def public_key(self, custodian: str, name: str) -> tuple[Reference, Key]:
        """As `Custodian.public_key`, with the name and algorithm that the key is published with.

        Raises:
            Unavailable, NoSuchKeyError: as there.
        """
        reference, key = await self._run(lambda: self._custodian(custodian).public_key(name))
        return reference, as_signing_key(key)

    async def sign(self, reference: Reference, public: Key, payload: bytes, header_text: bytes) -> str:
        """A compact JWS, of which the signature was verified with the published key before it is given out.

        A custodian that answers with another key's signature, or a broken one, would otherwise be noticed by every
        API at once and by nobody here.

        Raises:
            Unavailable: there is no good signature in time.
        """
        algorithm = public.alg or ""
        message = header_text + b"." + base64url.encode_bytes(payload)
        custodian = reference.custodian
        try:
            signature = await self._run(lambda: self._custodian(custodian).sign(reference.name, algorithm, message))
            public.verifier(algorithm)(signature, message)
        except InvalidSignature as error:
            raise Unavailable(f"{custodian} answered for {public.kid} with a signature that does not verify") from error
        except NoSuchKeyError as error:  # it was there when it was added
            raise Unavailable(str(error)) from error
        return (message + b"." + base64url.encode_bytes(signature)).decode("ascii")

    def close(self) -> None:
        """Take no more calls, and let go of the connections; one that hangs is waited for as long as a call is."""
        self._threads.close()
        closing = threading.Thread(target=self._close_each, daemon=True)
        closing.start()
        closing.join(self._timeout)

    def _close_each(self) -> None:
        for custodian in self._made.values():
            custodian.close()

    def _custodian(self, name: str) -> Custodian:
        with self._lock:
            if name not in self._made:
                if name not in self._makers:
                    raise Unavailable(f"this version knows no custodian {name!r}")
                try:
                    self._made[name] = self._makers[name]()
                except ModuleNotFoundError as error:
                    hint = f"Install it with: pip install 'jotary[{_EXTRAS[name]}]'"
                    raise Unavailable(f"{name} needs {error.name}", hint=hint) from error
            return self._made[name]

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        if not self._places.acquire(blocking=False):
            raise Unavailable("too many signatures wait for the HSM or KMS")
        try:
            job = self._threads.submit(work)
        except RuntimeError as error:  # closed
            self._places.release()
            raise Unavailable("the server is shutting down") from error
        # Given back by the job, not by who waits for it: one that hangs keeps its place until it ends.
        job.add_done_callback(lambda _job: self._places.release())
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.wrap_future(job)
        except TimeoutError as error:
            raise Unavailable("the HSM or KMS did not answer in time") from error
