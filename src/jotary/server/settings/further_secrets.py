"""The secrets beside the server's own: those that are accepted while it is replaced, and the PIN of an HSM."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jotary.oauth.secret import Secret
from jotary.server.settings.error import SettingsError
from jotary.server.settings.record import Settings
from jotary.server.settings.secret_source import checked_secret, read_secret, read_text

#: The setting that names the file of each secret.
FILES_OF: Final = {
    "secret": "secret_file",
    "accepted_secrets": "accepted_secret_files",
    "pkcs11_pin": "pkcs11_pin_file",
}


def find_further_secrets(typed: Mapping[str, str], *, settings: Settings) -> dict[str, Any]:
    """Return the values of `accepted_secrets` and `pkcs11_pin`.

    Args:
        typed: what the environment holds, by the name of the setting.
        settings: all other settings.

    Raises:
        SettingsError: one cannot be read, or is no secret.
    """
    accepted = [
        checked_secret(text, "JOTARY_ACCEPTED_SECRETS", name="accepted_secrets")
        for text in typed.get("accepted_secrets", "").split(",")
        if text.strip()
    ]
    accepted += [read_secret(Path(file), name="accepted_secret_files") for file in settings.accepted_secret_files]
    return {"accepted_secrets": tuple(accepted), "pkcs11_pin": _pin(typed.get("pkcs11_pin"), settings.pkcs11_pin_file)}


def _pin(typed: str | None, file: str) -> Secret | None:
    """PKCS#11 leaves the length of a PIN to the token, so only an empty one is refused."""
    if typed is None and not file:
        return None
    text = typed if typed is not None else read_text(Path(file), name="pkcs11_pin_file")
    if not text.strip():
        raise SettingsError(
            "is empty",
            hint="Put the user PIN of the token there.",
            name="pkcs11_pin",
            origin=file or "JOTARY_PKCS11_PIN",
        )
    return Secret(text.strip())
