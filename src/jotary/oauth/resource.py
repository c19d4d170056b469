"""Resource indicators (RFC 8707)."""

import re
from urllib.parse import urlsplit

from jotary.oauth.errors import invalid_target

#: Characters of a resource indicator.
MAX_RESOURCE_LENGTH = 2048

_URI = re.compile(r"[!#-;=?-\[\]_a-z~]+")  # RFC 3986 §2: no white space, quotes, braces, nothing beyond ASCII


def check_resource(uri: str) -> str:
    """Return the indicator if it is an absolute URI without a fragment (RFC 8707 §2).

    Raises:
        OAuthError: invalid_target.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise invalid_target("The resource is not a URI.") from error
    if (
        len(uri) > MAX_RESOURCE_LENGTH
        or not _URI.fullmatch(uri)
        or not parts.scheme
        or not (parts.netloc or parts.path)
    ):
        raise invalid_target(
            "The resource is not an absolute URI.", hint="Send the API's identifier, such as https://api.example.com."
        )
    if "#" in uri:
        raise invalid_target("The resource has a fragment.", hint="Remove it.")
    return uri
