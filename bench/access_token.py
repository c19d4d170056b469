"""The access token that all parties sign and verify, so that its size is that of real ones (RFC 9068 §2.2)."""

import time

from jotary.jose import Key, jwt
from jotary.tokens.access_token import TYP

ISSUER = "https://id.example.com"
AUDIENCE = "https://todo.example.com"
SCOPE = "todo:read"
CLAIMS = {
    "iss": ISSUER,
    "sub": "01JD9Z6X8T2M4N5P6Q7R8S9T0V",
    "aud": AUDIENCE,
    "client_id": "todo-web",
    "scope": "todo:read todo:write",
    "sid": "01JD9Z6X8T2M4N5P6Q7R8S9T0W",
    "jti": "01JD9Z6X8T2M4N5P6Q7R8S9T0X",
    "iat": int(time.time()),
    "exp": 4_000_000_000,
}


def tokens(key: Key, number: int, first: int = 0) -> list[str]:
    """Access tokens that differ in `jti` only, which counts from `first`."""
    numbers = range(first, first + number)
    return [jwt.sign({**CLAIMS, "jti": f"01JD9Z6X8T2M4N5P6Q{each:08}"}, key, typ=TYP) for each in numbers]
