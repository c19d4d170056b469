"""Why a token is not accepted."""


class TokenError(Exception):
    """One check failed.

    Args:
        claim: which check, by the name of the claim or header it looks at: `exp`, `iss`, `aud`, `typ`, `signature` …
        hint: for the integrator: what was expected and what to change. Never holds the token.
    """

    def __init__(self, claim: str, hint: str) -> None:
        super().__init__(f"{claim}: {hint}")
        self.claim = claim
        self.hint = hint
