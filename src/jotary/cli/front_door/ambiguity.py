"""Requests that the parser lets pass, and that two parties could read in two ways (RFC 9112 §2.3, §3.2, §6.1)."""

from collections.abc import Sequence
from string import ascii_letters, digits
from typing import Final

_VERSIONS: Final = frozenset({"1.0", "1.1"})
_CODING: Final = b"transfer-encoding"
# RFC 3986 §3.2.2, §3.2.3: letters, digits, and what names, addresses and ports are made of beside them.
_OF_A_HOST: Final = f"{ascii_letters}{digits}-._~%!$&'()*+,;=[]:".encode()


def is_ambiguous(version: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a proxy in front could take it for another site's, or for another request.

    Args:
        version: of HTTP.
        headers: names in small letters, and values.
    """
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts > 1 or version not in _VERSIONS or (hosts == 0 and version == "1.1"):
        return True
    if hosts and headers[names.index(b"host")][1].translate(None, _OF_A_HOST):
        return True
    # The application would take the coded body for the body.
    return _CODING in names and headers[names.index(_CODING)][1].strip().lower() != b"chunked"
