"""What a client of each type may have and gets by default: one row holds everything about a type."""

from typing import Final

import msgspec

from jotary.server.flows.profile import IDENTITY_SCOPES
from jotary.server.model.client import AuthenticationMethod, ClientType


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one type."""

    grant_types: tuple[str, ...]
    methods: tuple[AuthenticationMethod, ...]  # the first is the default
    scopes: tuple[str, ...]  # those that every one of them may ask for
    has_people: bool  # whether people sign in through it: redirect URIs, scopes that speak of a person


_CODE: Final = ("authorization_code", "refresh_token")

CLIENT_TYPES: Final[dict[ClientType, Rules]] = {
    "web": Rules(
        grant_types=_CODE,
        methods=("client_secret_basic", "client_secret_post", "private_key_jwt", "none"),
        scopes=IDENTITY_SCOPES,
        has_people=True,
    ),
    # RFC 8252 §8.5: what is installed on a person's machine keeps no secret
    "native": Rules(grant_types=_CODE, methods=("none",), scopes=IDENTITY_SCOPES, has_people=True),
    # RFC 6749 §4.4: confidential clients only
    "service": Rules(
        grant_types=("client_credentials",),
        methods=("client_secret_basic", "client_secret_post", "private_key_jwt"),
        scopes=(),
        has_people=False,
    ),
}
