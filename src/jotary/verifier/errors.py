"""Why a request is not let in: the token, its scope, or keys that cannot be had."""

from collections.abc import Iterable


class InvalidToken(Exception):  # noqa: N818 -- the public name, after RFC 6750's `invalid_token`
    """The token was refused: answer 401 (RFC 6750 §3.1).

    Args:
        code: the error code of RFC 6750 §3.1.
        claim: which check refused it, by the name of the claim or header member that it looks at (`exp`, `aud`, `typ`,
            `kid` …), or `signature`, `token` (not a signed JWT at all), `revoked`.
        hint: for the integrator: what was expected and what to change. Never holds any part of the token.
    """

    def __init__(self, code: str, claim: str, hint: str) -> None:
        super().__init__(code, claim, hint)
        self.code = code
        self.claim = claim
        self.hint = hint

    def __str__(self) -> str:
        """For the log: what and why."""
        return f"{self.code} ({self.claim}): {self.hint}"


class InsufficientScope(Exception):  # noqa: N818 -- the public name, after RFC 6750's `insufficient_scope`
    """The token is good but does not allow this: answer 403 (RFC 6750 §3.1).

    Args:
        required: every scope that the resource asks for, in the order in which it asks.
    """

    def __init__(self, required: Iterable[str]) -> None:
        self.required = tuple(required)
        super().__init__(self.required)

    def __str__(self) -> str:
        """For the log: what would have been needed."""
        return f"insufficient_scope: needs {' '.join(self.required)}"


class KeysUnavailable(Exception):  # noqa: N818 -- a state of the world, as in HTTP's Service Unavailable
    """The issuer's keys were never fetched, or too long ago, so nothing can be said about the token: answer 503.

    Args:
        retry_after: seconds after which it makes sense to try again, at least 1.
        detail: for the operator: what the last fetch failed with. Logged, never sent.
    """

    def __init__(self, retry_after: int, detail: str) -> None:
        super().__init__(retry_after, detail)
        self.retry_after = retry_after
        self.detail = detail

    def __str__(self) -> str:
        """For the log: why, and until when."""
        return f"the issuer's keys are unavailable ({self.detail}); try again in {self.retry_after} s"
