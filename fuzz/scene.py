"""One issuer and one API: good tokens to begin from, a verifier, and the oracle that knows what was signed."""

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from fuzz.keys import WEIGHTS, Keys
from fuzz.oracle import Judgement, Oracle, Stage
from fuzz.rules import Json
from jotary.jose import Key
from jotary.verifier import TokenVerifier

NOW = 1_800_000_000  # Unix seconds; a run has no clock
LEEWAY = 5  # seconds
MAX_SIZE = 8192  # characters

#: The members of a JSON object as they are spelled, names with their quotes: a list can say what no dict can.
Members = list[tuple[bytes, bytes]]


class Good(NamedTuple):
    """A token that the issuer signed and the API takes."""

    algorithm: str
    header: Members
    claims: Members
    text: bytes

    @property
    def parts(self) -> list[bytes]:
        """Header, payload and signature, in base64url."""
        return self.text.split(b".")


class Shape(NamedTuple):
    """What the good tokens of an issuer look like.

    Attributes:
        name: of the scene.
        issuers: what `iss` may be.
        audience_claim: which claim names the API,
        audience: and how.
        contents: pairs of further header members and claims, each of them good.
        broken: which rules a content breaks.
        is_complete: whether a content that breaks none of them must be taken.
    """

    name: str
    issuers: frozenset[str]
    audience_claim: str
    audience: str
    contents: list[tuple[Json, Json]]
    broken: Callable[[Json, Json], Iterable[str]]
    is_complete: bool


class Scene:
    """Where tokens are forged. One process has its own, with the same keys.

    Args:
        shape: of the tokens.
        keys: of the run.
        verifier: of the API.
    """

    def __init__(self, shape: Shape, keys: Keys, verifier: TokenVerifier) -> None:
        self.shape = shape
        self.keys = keys
        self.verifier = verifier
        self.algorithms = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
        self._oracle = Oracle(keys.published, frozenset(WEIGHTS), MAX_SIZE, shape.broken)
        self._signed: set[bytes] = set()
        self.good = {name: list(self._good(name)) for name in WEIGHTS}
        self._lasting = frozenset(self._signed)

    def sign(self, algorithm: str, header: bytes, payload: bytes, key: Key | None = None) -> bytes:
        """Sign a header and a payload, whatever they are; with the issuer's key unless another one is given."""
        message = base64url(header) + b"." + base64url(payload)
        if key is None:
            self._signed.add(message)
        signature = (key or self.keys.issuer[algorithm]).signer(algorithm)(message)
        return message + b"." + base64url(signature)

    def forget(self) -> None:
        """Keep in mind the good tokens alone, before the next one is forged."""
        if len(self._signed) != len(self._lasting):
            self._signed = set(self._lasting)

    def has_signed(self, token: str) -> bool:
        """Whether the issuer signed header and payload of this token."""
        return _signing_input(token) in self._signed

    def remember(self, token: str) -> None:
        """Take this for a token whose header and payload the issuer signed: in a run before, with the same keys."""
        self._signed.add(_signing_input(token))

    def judge(self, token: str | bytes) -> Judgement:
        """Where the token must be stopped."""
        return self._oracle.judge(token, self._signed.__contains__)

    def is_undecided(self, judgement: Judgement) -> bool:
        """Whether the rules of this scene are too few to say that the token must be taken."""
        return judgement.stage is Stage.LEGITIMATE and not self.shape.is_complete

    def _good(self, algorithm: str) -> Iterator[Good]:
        for further, claims in self.shape.contents:
            header = {"alg": algorithm, "kid": self.keys.issuer[algorithm].kid, **further}
            said = members({name: value for name, value in header.items() if value is not None}), members(claims)
            yield Good(algorithm, *said, self.sign(algorithm, spelled(said[0]), spelled(said[1])))


def _signing_input(token: str) -> bytes:
    return token.rpartition(".")[0].encode("utf-8", "surrogatepass")


def base64url(octets: bytes) -> bytes:
    """RFC 7515 §2."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def members(value: Json) -> Members:
    """Each member of an object as it is spelled."""
    return [(json_text(name), json_text(member)) for name, member in value.items()]


def json_text(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def spelled(content: Members) -> bytes:
    """The object that the members make."""
    return b"{" + b",".join(name + b":" + value for name, value in content) + b"}"
