"""When two e-mail addresses are the same account."""

import unicodedata


def email_key(email: str) -> str:
    """The form under which an address is unique: case-folded and composed (NFC).

    An address that differs from a taken one by case or by how an accent is encoded must not open a second account
    (The Unicode Standard §3.13, canonical caseless matching).
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", email).casefold())
