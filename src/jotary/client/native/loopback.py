"""The listener on loopback that a sign-in comes back to (RFC 8252 §7.3): one path, one host, one answer."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from jotary.client.errors import ClientError
from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters, parse_form
from jotary.oauth.secret import Secret

#: The registered redirect URI is `http://127.0.0.1` and this path; the port is free (RFC 8252 §7.3).
CALLBACK_PATH: Final = "/callback"
#: Bytes of a request's head that are read at all, and seconds in which it must have come.
MAX_HEAD: Final = 16_384
HEAD_TIMEOUT: Final = 10.0

#: Gives the code of an answer, raises what the issuer said, or `StrangerError`.
Check = Callable[[Parameters], Secret]

_HEADERS: Final = (
    "Content-Type: text/html; charset=utf-8",
    "Cache-Control: no-store",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy: no-referrer",  # the address of the page holds the code
    "X-Content-Type-Options: nosniff",
    "Connection: close",
)
_DONE: Final = "You can close this window and go back to the application."
_REFUSED: Final = "You were not signed in. You can close this window; the application says why."


class StrangerError(ClientError):
    """A request that does not answer this sign-in: it changes nothing, since anybody on this machine can send one."""


class LoopbackListener:
    """Listens on a free port of 127.0.0.1 until one request has answered. Use it as an async context manager.

    Requests for another path, by another method, for another host or of somebody else's making are refused, and the
    listener waits on: a page that knows the port must neither sign anybody in nor stop who is signing in.
    """

    def __init__(self) -> None:
        self._check: Check | None = None
        self._authority = ""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._outcome: asyncio.Future[Secret] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        """Listen: by address and not by the name `localhost`, which others may resolve (RFC 8252 §8.3)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MAX_HEAD)
        self._authority = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:  # who says nothing does not outlive the sign-in
            writer.transport.abort()
        while self._writers:  # noqa: ASYNC110 -- a step or two: of what the end of the loop cuts off asyncio prints a trace
            await asyncio.sleep(0)

    @property
    def redirect_uri(self) -> str:
        """Where the issuer sends the browser."""
        return f"http://{self._authority}{CALLBACK_PATH}"

    async def answer(self, check: Check) -> Secret:
        """Wait for the one request that `check` accepts, and return the code in it.

        Raises:
            IssuerError, ProtocolError: what `check` raised about this sign-in.
        """
        self._check = check
        return await self._outcome

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            async with asyncio.timeout(HEAD_TIMEOUT):
                head = await reader.readuntil(b"\r\n\r\n")
            settle = self._respond(head, writer)
            try:
                writer.close()
                await writer.wait_closed()  # the page is out before the listener ends
            finally:  # an answer counts, whether or not anybody waited for the page
                settle()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):  # TimeoutError is an OSError
            writer.close()
        finally:
            self._writers.discard(writer)

    def _respond(self, head: bytes, writer: asyncio.StreamWriter) -> Callable[[], None]:
        """Write the page; returns what is to happen when it is out."""
        try:
            query = self._query(head)
            code = self._judge(query)
        except _Refusal as refusal:
            _write(writer, refusal.status, refusal.text)
        except ClientError as error:
            settled = error  # the name of an `except` ends with it
            _write(writer, HTTPStatus.BAD_REQUEST, _REFUSED)
            return lambda: None if self._outcome.done() else self._outcome.set_exception(settled)
        else:
            _write(writer, HTTPStatus.OK, _DONE)
            return lambda: None if self._outcome.done() else self._outcome.set_result(code)
        return lambda: None

    def _query(self, head: bytes) -> str:
        """The query of a request for the redirect URI."""
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, _, rest = request_line.partition(" ")
        target, _, version = rest.partition(" ")
        hosts = [value.strip() for name, _, value in (line.partition(":") for line in lines) if name.lower() == "host"]
        if not version.startswith("HTTP/1."):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "This is not HTTP/1.1.")
        if hosts != [self._authority]:  # a foreign name that resolves to 127.0.0.1 (DNS rebinding)
            raise _Refusal(HTTPStatus.MISDIRECTED_REQUEST, "This is another host.")
        path, _, query = target.partition("?")
        if path != CALLBACK_PATH:
            raise _Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        if method != "GET":
            raise _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Use GET.")
        return query

    def _judge(self, query: str) -> Secret:
        if self._check is None or self._outcome.done():
            raise _Refusal(HTTPStatus.CONFLICT, "No sign-in is under way here.")
        try:
            return self._check(parse_form(query))
        except (StrangerError, OAuthError) as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "This answers no sign-in of this application.") from error


class _Refusal(Exception):  # noqa: N818 -- no error of ours: a page for a stranger
    """A request that is answered and then forgotten."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def _write(writer: asyncio.StreamWriter, status: HTTPStatus, text: str) -> None:
    """The whole answer; `text` is one of ours, and nothing of the request is ever in it."""
    page = f'<!doctype html><html lang="en"><title>Sign-in</title><p>{text}</p></html>\n'.encode()
    head = [f"HTTP/1.1 {status.value} {status.phrase}", *_HEADERS, f"Content-Length: {len(page)}", "", ""]
    writer.write("\r\n".join(head).encode("ascii") + page)
