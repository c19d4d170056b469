"""Where the browser may be sent after signing in: a path on this very origin, and nothing that only looks like one."""

import re
from typing import Final

#: Characters of a path that is kept while somebody signs in.
MAX_LENGTH: Final = 1024

# RFC 3986 §3.3 to §3.5, one slash in front. No backslash (browsers read it as a slash), no control character (they
# drop tabs and newlines), no space, nothing beyond ASCII.
_LOCAL = re.compile(
    r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?\[\]]*)?(?:#[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?"
)
# A slash or backslash in disguise, which something between here and the browser may decode.
_DISGUISED = re.compile(r"%(?:25)*(?:2f|5c|0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)
_DOTS = re.compile(r"(?:\.|%(?:25)*2e){1,2}", re.IGNORECASE)


def is_local_path(text: str, *, reserved: str) -> bool:
    """Whether a `return_to` keeps the browser on this origin (RFC 9700 §4.11.1).

    Args:
        text: what the request asked for.
        reserved: a prefix that makes no sense as a destination: the sign-in pages themselves would go in circles.
    """
    if len(text) > MAX_LENGTH or not _LOCAL.fullmatch(text):
        return False
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    if "//" in path or _DISGUISED.search(path) or any(map(_DOTS.fullmatch, path.split("/"))):
        return False
    return path != reserved and not path.startswith(f"{reserved}/")
