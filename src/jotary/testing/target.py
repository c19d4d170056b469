"""The API under attack: an ASGI or WSGI application in this process, or a URL on loopback, behind one `send`."""

import inspect
import io
import sys
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes, urlsplit

from jotary.oauth.loopback import is_loopback
from jotary.testing.asgi_target import AsgiTarget
from jotary.testing.exchange import CLOSED, PATIENCE, Answer, Request, failed


class Target(Protocol):
    """Somewhere to send requests to."""

    def send(self, request: Request) -> Answer:
        """Send one request. An application that raises has answered 500."""

    def close(self) -> None:
        """Let go of it."""


def open_target(app: Any) -> Target:
    """Return the target for an ASGI application, a WSGI application, or the URL of a server on this machine.

    Raises:
        ValueError: the URL is not http on loopback: forged tokens are for nobody else's server.
        TypeError: it is none of these.
    """
    if isinstance(app, str):
        return UrlTarget(app)
    if _takes(app, 3) and (not _takes(app, 2) or inspect.iscoroutinefunction(app)):
        return AsgiTarget(app)
    if _takes(app, 2):
        return WsgiTarget(app)
    raise TypeError(
        "expected: an ASGI application (scope, receive, send), a WSGI one (environ, start_response), or a loopback URL"
    )


def _takes(app: Any, count: int) -> bool:
    """Whether it can be called with so many arguments."""
    try:
        inspect.signature(app).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


class UrlTarget:
    """A server on this machine.

    Args:
        url: http, with a loopback host; a path is put before the path of each request.

    Raises:
        ValueError: the URL is not one of this machine.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not is_loopback(parts.hostname) or parts.query or parts.fragment or parts.username:
            raise ValueError(
                "forged tokens are sent to http://127.0.0.1:PORT, or another loopback host, and nowhere else"
            )
        self._host = parts.hostname or ""
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")

    def send(self, request: Request) -> Answer:
        """Send it over a connection of its own; redirects are not followed."""
        connection = HTTPConnection(self._host, self._port, timeout=PATIENCE)
        try:
            return self._exchange(connection, request)
        except (OSError, HTTPException) as error:
            return Answer(status=CLOSED, detail=f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def _exchange(self, connection: HTTPConnection, request: Request) -> Answer:
        query = f"?{request.query}" if request.query else ""
        connection.putrequest(request.method, self._prefix + request.path + query, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name.decode("ascii"), value)
        connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=headers, body=response.read())

    def close(self) -> None:
        """Nothing is kept open."""


class WsgiTarget:
    """A WSGI application (PEP 3333), called in this thread.

    Args:
        app: (environ, start_response).
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    def send(self, request: Request) -> Answer:
        """Call it."""
        started: list[tuple[int, dict[str, str]]] = []
        chunks: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            started.append((int(status[:3]), {name.lower(): value for name, value in headers}))
            return chunks.append

        try:
            body = self._app(_environ(request), start_response)
            try:
                chunks.extend(body)
            finally:
                getattr(body, "close", tuple)()
        except Exception as error:  # noqa: BLE001 -- whatever it raises, a server would answer 500
            return failed(error)
        if not started:
            return Answer(status=CLOSED, detail="start_response was not called")
        status, headers = started[-1]
        return Answer(status=status, headers=headers, body=b"".join(chunks))

    def close(self) -> None:
        """Nothing is kept open."""


def _environ(request: Request) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        text = value.decode("latin-1")
        variable = name.decode("ascii").upper().replace("-", "_")
        variable = variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"
        # A server joins what stands twice (RFC 3875 §4.1.18).
        environ[variable] = f"{environ[variable]},{text}" if variable in environ and variable != "HTTP_HOST" else text
    return environ
