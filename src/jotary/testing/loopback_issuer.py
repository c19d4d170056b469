"""An issuer on a loopback port that serves discovery and keys, and can be made to misbehave."""

import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from jotary.jose import strict_json
from jotary.oauth.metadata import ServerMetadata
from jotary.testing.issuer import TestIssuer
from jotary.testing.provider_shapes import ProviderShape

_DRIP = 0.05  # seconds between two bytes
_JWKS_MAX_AGE = 300  # seconds


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer goes wrong. The parts can be combined.

    Attributes:
        status: answered instead of the right one.
        body: sent instead of the document.
        headers: added, or replaced.
        hang: seconds of silence before the answer.
        drip: send the body one byte at a time.
        drop: close the connection without an answer.
    """

    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str] = {}
    hang: float = 0
    drip: bool = False
    drop: bool = False


class LoopbackIssuer(TestIssuer):
    """A `TestIssuer` whose discovery document and JWK Set are fetched over HTTP. Use it in a `with` statement.

    Args:
        path: of the issuer, such as "/id"; empty for an issuer at the root.
        audience: the `aud` of its tokens.
        algorithm: what it signs with.
        clock: Unix seconds.
        ssl_context: a server's, to serve https instead.

    Attributes:
        requests: the path of every request, in order.
        observe: called with the headers of every request.
        metadata: members added to the discovery document, or replaced.
        faults: by path, how an answer goes wrong.
        max_age: seconds in the JWK Set's Cache-Control; None for no such header.
    """

    def __init__(
        self,
        *,
        path: str = "",
        audience: str = "https://api.example",
        algorithm: str = "ES256",
        clock: Callable[[], float] = time.time,  # noqa: TID251 -- a composition root: a user's tests begin here
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if ssl_context is not None:
            self._server.socket = ssl_context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.origin = f"{'https' if ssl_context else 'http'}://127.0.0.1:{self._server.server_port}"
        super().__init__(self.origin + path, audience=audience, algorithm=algorithm, clock=clock)
        self.jwks_path = f"{path}/.well-known/jwks.json"
        self.discovery_path = f"{path}/.well-known/openid-configuration"
        self.oauth_discovery_path = f"/.well-known/oauth-authorization-server{path}"
        self.requests: list[str] = []
        self.observe: Callable[[Mapping[str, str]], object] = dict  # which does nothing with them
        self.metadata: dict[str, Any] = {}
        self.faults: dict[str, Fault] = {}
        self.max_age: int | None = _JWKS_MAX_AGE
        self._closing = Event()
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def _take(self, shape: ProviderShape) -> None:
        """Keep the keys where the provider keeps them, on this host."""
        super()._take(shape)
        self.jwks_path = shape.keys_path
        below = urlsplit(shape.issuer).path.rstrip("/") if "://" in shape.issuer else ""
        self.discovery_path = f"{below}/.well-known/openid-configuration"
        self.oauth_discovery_path = f"/.well-known/oauth-authorization-server{below}"

    @property
    def settings(self) -> dict[str, Any]:
        """What an API must be told to trust it; for a provider also that its keys are here."""
        own = super().settings
        return own if self._shape is None else {**own, "jwks_uri": self.origin + self.jwks_path}

    def break_everything(self, fault: Fault) -> None:
        """Let every answer go wrong in this way."""
        for path in (self.jwks_path, self.discovery_path, self.oauth_discovery_path):
            self.faults[path] = fault

    def heal(self) -> None:
        """Answer well again."""
        self.faults.clear()

    def fetches(self) -> int:
        """How many times the keys were asked for."""
        return self.requests.count(self.jwks_path)

    def close(self) -> None:
        """Stop listening: connections are refused from now on."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        """Return itself; it listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        self.close()

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers for a path, when nothing is at fault."""
        headers = {"Content-Type": "application/json"}
        if path == self.jwks_path:
            if self.max_age is not None:
                headers["Cache-Control"] = f"public, max-age={self.max_age}"
            return 200, strict_json.dumps(self.keys_document()), headers
        if path in {self.discovery_path, self.oauth_discovery_path}:
            document = ServerMetadata(issuer=self.issuer, jwks_uri=self.origin + self.jwks_path).to_dict()
            return 200, strict_json.dumps({**document, **self.metadata}), headers
        return 404, b"{}", headers

    def wait(self, seconds: float) -> None:
        """Stay silent, but not longer than until it is closed."""
        self._closing.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that gives up, or does not trust us: that is what tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(issuer: LoopbackIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.requests.append(self.path)
            issuer.observe(dict(self.headers.items()))
            fault = issuer.faults.get(self.path, Fault())
            issuer.wait(fault.hang)
            self.close_connection = True
            if not fault.drop:
                with suppress(ConnectionError):  # the client has given up, which is what faults are for
                    self._send(fault, *issuer.answer(self.path))

        def _send(self, fault: Fault, status: int, body: bytes, headers: dict[str, str]) -> None:
            body = body if fault.body is None else fault.body
            self.send_response(fault.status or status)
            for name, value in {"Content-Length": str(len(body)), **headers, **fault.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if not fault.drip:
                self.wfile.write(body)
                return
            for byte in body:
                self.wfile.write(bytes([byte]))
                issuer.wait(_DRIP)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- the signature of http.server
            """Say nothing: a test's output is its own."""

    return Handler
