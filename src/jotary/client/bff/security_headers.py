"""Security headers for the application behind the session: what makes a cross-site scripting bug less than a theft."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What an application that loads everything from its own origin can live with.
DEFAULT_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)


class SecurityHeaders:
    """ASGI middleware that adds headers to every answer that does not set them itself.

    Args:
        app: the application.
        headers: replace or, with an empty value, remove some of `DEFAULT_HEADERS`; or add more, such as
            `Strict-Transport-Security`.
    """

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self._app = app
        self._headers = {name: value for name, value in {**DEFAULT_HEADERS, **headers}.items() if value}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and complete the headers of HTTP answers."""

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, complete)
