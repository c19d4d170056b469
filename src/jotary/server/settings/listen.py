"""The address of a listener, checked."""

import re
from typing import Final

from jotary.server.settings.error import SettingsError

_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_MAX_PORT: Final = 65_535


def check_listen(address: str) -> None:
    """Refuse what is no host and port; nothing at all is none.

    Raises:
        SettingsError: of the setting `metrics_listen`.
    """
    match = _ADDRESS.fullmatch(address)
    if address and (match is None or not 0 < int(match["port"]) <= _MAX_PORT):
        hint = "Write host and port, such as 127.0.0.1:9464 or [::1]:9464."
        raise SettingsError(f"{address!r} is not an address to listen on", hint=hint, name="metrics_listen")
