"""ID tokens that come back as a hint of who is meant (OIDC Core §3.1.2.1, RP-Initiated Logout 1.0 §2)."""

import msgspec

from jotary.jose import JOSEError, KeySet, jwt
from jotary.tokens import id_token


class IDTokenHint(msgspec.Struct, frozen=True, kw_only=True):
    """What one of our own ID tokens, expired or not, says."""

    subject: str
    client_id: str
    session_id: str | None


def read_hint(text: str | None, keys: KeySet, *, issuer: str) -> IDTokenHint | None:
    """The hint if it is an ID token of this issuer; None if there is none or it is anything else.

    Its times are not looked at: an ID token is a good hint long after it expired. Its type is: an access token, which
    every API sees, must not sign anybody out.
    """
    if text is None:
        return None
    algorithms = {key.alg for key in keys if key.alg is not None}
    try:
        claims = jwt.verify(text, keys, algorithms=algorithms, typ=id_token.TYP).claims
    except JOSEError:
        return None
    subject, client_id, session_id = claims.get("sub"), claims.get("aud"), claims.get("sid")
    if claims.get("iss") != issuer or not isinstance(subject, str) or not isinstance(client_id, str):
        return None
    return IDTokenHint(
        subject=subject, client_id=client_id, session_id=session_id if isinstance(session_id, str) else None
    )
