"""Bearer tokens in the Authorization header, the one place where they are accepted (RFC 6750 §2.1, RFC 9700 §4.3.2)."""

import re

from jotary.oauth.errors import invalid_request

_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 §2.1, b64token
_HINT = "Send 'Authorization: Bearer <token>': the word Bearer once, and the token alone, without quotes."


def parse_bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header; None if there is no header or it is of another scheme.

    Raises:
        OAuthError: invalid_request; the scheme is Bearer and what follows is not one token.
    """
    if authorization is None or authorization[:6].lower() != "bearer":
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    token = token.strip(" ")
    if not _TOKEN68.fullmatch(token):
        raise invalid_request("The Authorization header is malformed.", hint=_HINT)
    return token
