"""One file per grant type. A new one is one more module and one more name in `GRANTS`."""

from typing import Final

from jotary.server.flows.grant import Grant
from jotary.server.flows.grants import authorization_code, client_credentials, refresh_token

GRANTS: Final[tuple[Grant, ...]] = (authorization_code, refresh_token, client_credentials)
