"""Ports and flows with something around each call: a stopwatch, a span. What they do stays as it is."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from jotary.jose import KeySet
from jotary.oauth.parameters import Parameters
from jotary.server.flows.grant import always
from jotary.server.flows.grants import GRANTS
from jotary.server.flows.issue import TokenResponse
from jotary.server.flows.token import TokenFlow
from jotary.server.ports import PasswordHasher, Signer

Around = Callable[[], AbstractContextManager[object]]

#: What may be asked for at the token endpoint.
GRANT_TYPES: Final = frozenset(grant.NAME for grant in GRANTS)


class HasherWith:
    """The `PasswordHasher` port with something around each password."""

    def __init__(self, hasher: PasswordHasher, around: Around) -> None:
        self._hasher = hasher
        self._around = around

    async def hash(self, password: str) -> str:
        """As of every hasher."""
        with self._around():
            return await self._hasher.hash(password)

    async def verify(self, password: str, phc: str | None) -> bool:
        """As of every hasher."""
        with self._around():
            return await self._hasher.verify(password, phc)

    def needs_rehash(self, phc: str) -> bool:
        """As of every hasher."""
        return self._hasher.needs_rehash(phc)


class SignerWith:
    """The `Signer` port with something around each signature."""

    def __init__(self, signer: Signer, around: Around) -> None:
        self._signer = signer
        self._around = around

    async def sign(self, claims: Mapping[str, Any], *, typ: str, algorithm: str | None = None) -> str:
        """As of every signer."""
        with self._around():
            return await self._signer.sign(claims, typ=typ, algorithm=algorithm)

    def public_keys(self) -> KeySet:
        """As of every signer."""
        return self._signer.public_keys()


class TokensWith:
    """The token endpoint with something around each answer, which is told the grant type."""

    def __init__(self, tokens: TokenFlow, around: Callable[[str], AbstractContextManager[object]]) -> None:
        self._tokens = tokens
        self._around = around

    async def __call__(
        self,
        parameters: Parameters,
        authorization: str | None,
        *,
        now: int,
        address: str | None = None,
        is_awaited: Callable[[], bool] = always,
    ) -> TokenResponse:
        """As of the token endpoint."""
        with self._around(grant_of(parameters)):
            return await self._tokens(parameters, authorization, now=now, address=address, is_awaited=is_awaited)


def grant_of(parameters: Parameters) -> str:
    """The grant type that is asked for; `other` for what is none, which may be any text."""
    grant = parameters.get("grant_type")
    return grant if grant in GRANT_TYPES else "other"
