"""What is checked of settings beyond what their types say."""

from ipaddress import ip_network
from typing import Any, Final

import msgspec

from jotary.oauth.errors import OAuthError
from jotary.oauth.resource import check_resource
from jotary.oauth.secret import Secret
from jotary.server.settings.annotation import is_duration, what_to_write
from jotary.server.settings.duration import format_duration
from jotary.server.settings.error import SettingsError

#: Bytes of a server secret: as many as the keys that are derived from it have.
MIN_SECRET_BYTES: Final = 32


def check_type(name: str, value: Any, annotation: Any) -> None:
    """A value that its field does not take is refused in the operator's words.

    Raises:
        SettingsError: with what to write instead.
    """
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        problem = "is no duration within its bounds" if is_duration(annotation) else _lower_first(str(error))
        raise SettingsError(problem, hint=f"Write {what_to_write(annotation)}.", name=name) from None


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]


def check_secret(secret: Secret, name: str) -> None:
    """A secret has as many bytes as the keys that are derived from it.

    Raises:
        SettingsError: with what to write instead.
    """
    if len(secret.reveal().encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"has fewer than {MIN_SECRET_BYTES} bytes", hint="Make one with: jotary init", name=name)


def check_audiences(audiences: tuple[str, ...]) -> None:
    """Each is the identifier of an API (RFC 8707 §2).

    Raises:
        SettingsError: with what to write instead.
    """
    for audience in audiences:
        try:
            check_resource(audience)
        except OAuthError as error:
            hint = "Write each API's identifier, such as https://todo.example.com."
            raise SettingsError(
                f"{audience!r} is not an absolute URI without fragment", hint=hint, name="audiences"
            ) from error


def check_proxies(proxies: tuple[str, ...]) -> None:
    """Each is an address or a network.

    Raises:
        SettingsError: with what to write instead.
    """
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError as error:
            # No wildcard: anybody could then say which address they come from.
            hint = "Write addresses or networks, such as 10.0.0.0/8."
            raise SettingsError(f"{proxy!r} is not an address or network", hint=hint, name="trusted_proxies") from error


def check_order(lower: str, low: int, upper: str, high: int) -> None:
    """One duration may not be longer than another.

    Raises:
        SettingsError: with what to write instead.
    """
    if low > high:
        hint = f"Lower {lower} or raise {upper}."
        raise SettingsError(
            f"is {format_duration(low)}, longer than {upper} ({format_duration(high)})", hint=hint, name=lower
        )
