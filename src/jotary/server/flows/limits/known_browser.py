"""Browsers in which somebody has signed in before: they have an allowance of their own.

A stranger who tries passwords for an account uses up the strangers' allowance, and the person behind it signs in all
the same (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
"""

import hashlib
import hmac
from typing import Final

from jotary.jose import JOSEError, base64url
from jotary.oauth.secret import Secret
from jotary.server.model.email_key import email_key

#: Random bytes of a browser's name.
NAME_SIZE: Final = 16

_MAC_SIZE: Final = 16


def name_browser(email: str, entropy: bytes, *, key: bytes) -> Secret:
    """What a browser keeps after a sign-in: a name, and proof that it is ours and for this account alone.

    Args:
        email: of the account.
        entropy: `NAME_SIZE` random bytes.
        key: derived from the server's secret for limits alone.
    """
    if len(entropy) != NAME_SIZE:
        raise ValueError(f"a browser's name takes {NAME_SIZE} random bytes")
    return Secret(base64url.encode(entropy + _mac(email, entropy, key)))


def known_name(email: str, presented: Secret | None, *, key: bytes) -> str | None:
    """The name of a browser in which this account has signed in before; None for any other browser."""
    try:
        raw = base64url.decode(presented.reveal() if presented else "")
    except JOSEError:
        return None
    name, mac = raw[:NAME_SIZE], raw[NAME_SIZE:]
    return base64url.encode(name) if hmac.compare_digest(mac, _mac(email, name, key)) else None


def _mac(email: str, name: bytes, key: bytes) -> bytes:
    message = b"browser\0" + name + email_key(email).encode(errors="surrogatepass")
    return hmac.digest(key, message, hashlib.sha256)[:_MAC_SIZE]
