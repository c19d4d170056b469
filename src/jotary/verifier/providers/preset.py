"""What is known of a provider: the settings of a verifier, made from a few that its customers know."""

import re
from collections.abc import Collection

import msgspec

from jotary.jose import KeySet
from jotary.tokens.token_profile import TokenProfile

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+", re.ASCII)


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a verifier.

    Attributes:
        issuer: as the provider's tokens say it, byte for byte.
        audience: what they must be meant for.
        profile: what they look like; None for RFC 9068.
        jwks_uri: where the keys are; None for where the issuer's metadata says.
        algorithms: what they are signed with; None for every one that a key may have.
        keys: if there are none to be fetched.
    """

    issuer: str
    audience: str | Collection[str]
    profile: TokenProfile | None = None
    jwks_uri: str | None = None
    algorithms: tuple[str, ...] | None = ("RS256",)
    keys: KeySet | None = None


def checked_host(value: str, name: str, example: str) -> str:
    """Return a bare host name; the issuer is built from it and compared byte for byte.

    Raises:
        ValueError: it has a scheme, a slash, a port or capital letters.
    """
    if not _HOST.fullmatch(value):
        raise ValueError(f"{name} must be a host name in lower case, such as {example!r}, without https:// and slashes")
    return value


def checked_url(value: str, name: str) -> str:
    """Return a URL without a slash at its end, to which paths are added.

    Raises:
        ValueError: it ends with one.
    """
    if value.endswith("/"):
        raise ValueError(f"{name} must not end with a slash: paths are added to it")
    return value


def checked_segment(value: str, name: str) -> str:
    """Return one segment of a path.

    Raises:
        ValueError: it is empty, or would change the path.
    """
    if not re.fullmatch(r"[\w.~-]+", value, re.ASCII) or value in {".", ".."}:
        raise ValueError(f"{name} must be one segment of a URL's path: letters, digits, '-', '.', '_' and '~'")
    return value
