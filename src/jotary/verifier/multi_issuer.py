"""Several issuers in one verifier, each with its own keys, rules and memory."""

from collections.abc import Sequence

from jotary.jose import JOSEError, jws, strict_json
from jotary.verifier.errors import InvalidToken
from jotary.verifier.principal import Principal
from jotary.verifier.verifier import TokenVerifier


class MultiIssuerVerifier:
    """Verifies a token with the one verifier whose issuer it names.

    The unverified `iss` chooses the verifier, and nothing else: that one checks everything, the issuer included, with
    its own issuer's keys. People are told apart by issuer and subject together.

    Args:
        verifiers: one for each issuer.

    Attributes:
        issuers: of all of them.
        audiences: of all of them.

    Raises:
        ValueError: there is none, or two take the same issuer.
    """

    def __init__(self, verifiers: Sequence[TokenVerifier]) -> None:
        self._verifiers = tuple(verifiers)
        self.issuers = tuple(issuer for verifier in self._verifiers for issuer in verifier.issuers)
        self._max_token_size = max((verifier.max_token_size for verifier in self._verifiers), default=0)
        self.audiences = frozenset(audience for verifier in self._verifiers for audience in verifier.audiences)
        if not self._verifiers:
            raise ValueError("verifiers must hold at least one")
        for issuer in self.issuers:
            takers = sum(verifier.takes_issuer(issuer) for verifier in self._verifiers)
            if takers > 1 or self.issuers.count(issuer) > 1:
                raise ValueError(f"two verifiers take the issuer {issuer!r}: which one a token is for cannot be told")

    @property
    def issuer(self) -> str:
        """The first of them, for what can name only one."""
        return self.issuers[0]

    def verify(self, token: str) -> Principal:
        """Return who the token speaks for. Blocks only while keys must be fetched.

        Raises:
            InvalidToken: the token is refused; answer 401.
            KeysUnavailable: it cannot be said, since there are no keys; answer 503.
        """
        return self._verifier_of(token).verify(token)

    async def averify(self, token: str) -> Principal:
        """Do what `verify` does without blocking the event loop.

        Raises:
            InvalidToken: the token is refused; answer 401.
            KeysUnavailable: it cannot be said, since there are no keys; answer 503.
        """
        return await self._verifier_of(token).averify(token)

    def close(self) -> None:
        """Never use the network again, in any of them."""
        for verifier in self._verifiers:
            verifier.close()

    async def aclose(self) -> None:
        """The same, for an async shutdown."""
        self.close()

    def __repr__(self) -> str:
        """For whom it stands; no key and no token."""
        return f"<MultiIssuerVerifier issuers={self.issuers}>"

    def _verifier_of(self, token: str) -> TokenVerifier:
        try:
            issuer = strict_json.loads_object(jws.parse(token, max_size=self._max_token_size).payload).get("iss")
        except JOSEError as error:
            raise InvalidToken("invalid_token", "token", error.hint) from None
        for verifier in self._verifiers:
            if isinstance(issuer, str) and verifier.takes_issuer(issuer):
                return verifier
        raise InvalidToken("invalid_token", "iss", "the token was issued by none of the issuers that are trusted here")
