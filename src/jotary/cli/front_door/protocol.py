"""One connection: how much of it is read, how long its client is waited for, and when it is answered 503.

uvicorn reads a header of any size, and gathers its parts in a way that takes ten seconds for 100 MiB while nobody else
is answered; it waits for ever for a request that does not end and for a client that does not read
(docs/decisions/0013).
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, cast
from weakref import ref

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from jotary.cli.front_door import refusal
from jotary.cli.front_door.ambiguity import is_ambiguous
from jotary.cli.front_door.answer import Answer
from jotary.cli.front_door.hang_up import has_hung_up
from jotary.cli.front_door.lingering import LingeringTransport
from jotary.cli.front_door.refusal import Refusal
from jotary.cli.front_door.watch import watch_of
from jotary.server.model.request_notes import AWAITED

#: Bytes of the request line and all headers: more than the query and the headers that an endpoint takes
#: (`server/web/endpoint.py`), which words its refusals better.
MAX_HEAD_SIZE: Final = 65_536
#: Header fields.
MAX_FIELDS: Final = 200
#: Bytes of a body as it is transferred: a form in chunks of one byte each.
MAX_BODY_SIZE: Final = 524_288
#: Requests that may wait behind the one that is answered.
MAX_PIPELINED: Final = 16

#: Seconds in which the head of a request must have come, from its first byte or from the connection.
HEAD_PATIENCE: Final = 10
#: Seconds in which its body must have come.
BODY_PATIENCE: Final = 30
#: Seconds that a client may leave an answer unread.
READ_PATIENCE: Final = 20
#: Seconds that a client is waited for at most by a server that stops: it has ten for everything (`cli/serve.py`).
STOP_PATIENCE: Final = 3
#: Seconds in which a client that sends what nobody reads can still read its answer.
LINGER: Final = 2

_SLICE: Final = 8192  # bytes that are parsed before the limits are looked at again
_ALWAYS_ANSWERED: Final = (b"/health", b"/ready")
# Stands where uvicorn keeps the request that is being answered, for one that was answered without the application.
_ANSWERED: Final[Any] = SimpleNamespace(response_started=True, response_complete=True, message_event=asyncio.Event())


class Stage(Enum):
    """What the next byte belongs to."""

    BETWEEN = auto()  # the first of a request
    HEAD = auto()
    BODY = auto()


class FrontDoor(HttpToolsProtocol):
    """uvicorn's protocol with bounds: at their numbers stands why each has its value."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = watch_of(self.server_state, self.limit_concurrency)
        self.limit_concurrency = None  # the watch decides, who knows who is idle
        self._is_stopping: Callable[[], bool] = getattr(self.config.loaded_app, "is_stopping", lambda: False)
        self._stage = Stage.BETWEEN
        self._since = self._watch.now
        self._received = 0  # bytes of this head, or of this body
        self._is_lingering = False
        self.url = b""
        self.cycle: Any = None  # as uvicorn has it, whose type says otherwise: None before the first request
        self._in_turn: RequestResponseCycle | None = None  # what is being answered, or was; `cycle` may wait for it
        self._is_last = False  # whether the connection ends with this request, which was refused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """As of every protocol."""
        self._door = LingeringTransport(transport, asyncio.get_running_loop(), linger=self._linger)
        super().connection_made(self._door)
        self._watch.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """As of every protocol."""
        self._watch.leave(self)
        if self._in_turn is not None:  # uvicorn tells `cycle` alone, and this one would go on for nobody
            self._in_turn.disconnected = True
            self._in_turn.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As of every protocol."""
        if self._is_lingering:
            return
        if self._stage is Stage.BETWEEN:
            self._enter(Stage.HEAD)
        for start in range(0, len(data), _SLICE):
            part = data if len(data) <= _SLICE else data[start : start + _SLICE]
            self._received += len(part)
            super().data_received(part)
            if self.transport.is_closing():
                return
            self._check_sizes()

    def on_message_begin(self) -> None:
        """As of every parser's listener. One read may hold the end of a request and the beginning of the next."""
        super().on_message_begin()
        if self._stage is Stage.BETWEEN:
            self._enter(Stage.HEAD)

    def on_headers_complete(self) -> None:
        """As of every parser's listener."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self.transport.abort()  # a client must expect that (RFC 9112 §9.3.2), and none that is in use comes so far
        if self.transport.is_closing():
            return
        version = self.parser.get_http_version()
        if is_ambiguous(version, self.headers):
            raise ValueError(version)  # uvicorn answers 400 and closes, as whenever the parser fails
        if version == "1.0":  # which knows no interim answers (RFC 9110 §10.1.1)
            self.expect_100_continue = False
        if self._watch.is_overloaded() and self._may_be_refused():
            self._refuse_in_haste()
        else:
            super().on_headers_complete()
            cast("dict[str, Any]", self.scope)[AWAITED] = partial(self._is_awaited, ref(self.cycle))
            if self._is_stopping():  # uvicorn ends those connections only that it knows when it is told
                self.cycle.keep_alive = False
        # The request keeps its list: what comes behind the body is no header (RFC 9110 §6.5.1). No proxy looks there.
        self.headers = []
        self._enter(Stage.BODY)  # and not before: what fails above fails in the head

    def send_400_response(self, msg: str) -> None:
        """As uvicorn's own, but never in the place or in the middle of another request's answer."""
        if self._has_answer_under_way():
            self.transport.abort()
        elif len(self.url) > MAX_HEAD_SIZE:  # it ends in the slice that exceeds the bound
            self._refuse(refusal.TARGET_TOO_LONG)
        else:
            super().send_400_response(msg)

    def on_message_complete(self) -> None:
        """As of every parser's listener."""
        super().on_message_complete()
        self._enter(Stage.BETWEEN)
        if not self.cycle.response_complete:
            self._watch.leave(self)
        elif self._is_last:
            self.transport.close()

    def on_response_complete(self) -> None:
        """As uvicorn's own, without a timer for each answer."""
        self.server_state.total_requests += 1
        self._since = self._watch.now
        if self.transport.is_closing():
            self._watch.wait_for(self)
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._watch.wait_for(self)

    def pause_writing(self) -> None:
        """As of every protocol: the client does not read, and is what is waited for."""
        super().pause_writing()
        self._since = self._watch.now
        self._watch.wait_for(self)

    def resume_writing(self) -> None:
        """As of every protocol."""
        super().resume_writing()
        if self._stage is Stage.BETWEEN and not self.cycle.response_complete:
            self._watch.leave(self)

    def look(self) -> None:
        """See whether the client has been waited for long enough."""
        if self._is_lingering:
            if self._has_lasted(LINGER):
                self.transport.abort()
        elif self.transport.is_closing() or self.flow.write_paused:
            if self._has_lasted(READ_PATIENCE):
                self.transport.abort()
        elif self._stage is not Stage.BETWEEN:
            if self._has_lasted(self._patience()) and not self.flow.read_paused:
                self._refuse(refusal.TIMED_OUT)
        elif (self.cycle is None or self.cycle.response_complete) and self._has_lasted(self._patience()):
            self.transport.close()

    def give_way(self, *, is_idle: bool) -> None:
        """Close at once: somebody else needs the place. Who is not idle is told to come again, its request unread."""
        if is_idle or self._stage is not Stage.BETWEEN or self.flow.write_paused or self.transport.is_closing():
            self.transport.abort()
            return
        self._watch.note_refusal()
        self._door.write_at_once(refusal.TURNED_AWAY.answer(self.server_state.default_headers))
        self.transport.close()

    def _is_awaited(self, request: "ref[RequestResponseCycle]") -> bool:
        cycle = request()  # which holds the scope that this is noted in: a circle, for the collector to find
        if cycle is None:
            return False
        if not cycle.disconnected:
            cycle.disconnected = has_hung_up(self._door.get_extra_info("socket").fileno())
        return not cycle.disconnected

    def _has_lasted(self, patience: int) -> bool:
        return self._watch.now - self._since > (min(patience, STOP_PATIENCE) if self._is_stopping() else patience)

    def _patience(self) -> int:
        if self._stage is Stage.BODY:
            return BODY_PATIENCE
        return HEAD_PATIENCE if self._stage is Stage.HEAD or self.cycle is None else self.timeout_keep_alive

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        watch = self._watch
        watch.starting += 1
        self._in_turn = cycle

        # No coroutine of its own around that of the application: each of its steps would pass through it.
        def enter(scope: Any, receive: Any, _send: object) -> Any:
            watch.starting -= 1
            return app(scope, receive, Answer(cycle).send)

        super()._start_asgi_task(cycle, enter)

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        self._since = self._watch.now
        self._received = 0

    def _unsupported_upgrade_warning(self) -> None:
        """There is no other protocol (RFC 9110 §7.8), but the parser has stopped, and dropped what it had not read."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _check_sizes(self) -> None:
        if self._stage is Stage.BETWEEN:
            return
        has_many_fields = len(self.headers or ()) > MAX_FIELDS  # in the body those behind it (RFC 9110 §6.5)
        if self._stage is Stage.HEAD:
            if self._received > MAX_HEAD_SIZE or has_many_fields:
                is_in_target = len(self.url) > MAX_HEAD_SIZE // 2
                self._refuse(refusal.TARGET_TOO_LONG if is_in_target else refusal.HEADER_TOO_LARGE)
        elif self._received > MAX_BODY_SIZE or has_many_fields:
            if self.cycle.response_complete:
                self.transport.close()
            else:
                self._refuse(refusal.HEADER_TOO_LARGE if has_many_fields else refusal.BODY_TOO_LARGE)

    def _refuse(self, words: Refusal) -> None:
        """Answer what is not read to its end, and be done with the connection."""
        if self._has_answer_under_way():
            self.transport.abort()
        else:
            self._door.write_at_once(words.answer(self.server_state.default_headers))
            self.transport.close()

    def _has_answer_under_way(self) -> bool:
        if self.cycle is None:
            return False
        if self._stage is Stage.HEAD or self.pipeline:  # it is of a request behind the one that is answered
            return not self.cycle.response_complete
        return bool(self.cycle.response_started)

    def _linger(self) -> bool:
        """Whether the client still sends: closed now, the connection would be reset, and the answer lost with it."""
        if self._stage is Stage.BETWEEN:
            return False
        self._is_lingering = True
        self._since = self._watch.now
        self.flow.resume_reading()
        return True

    def _may_be_refused(self) -> bool:
        is_next = self.cycle is None or self.cycle.response_complete
        return is_next and not self.url.partition(b"?")[0].endswith(_ALWAYS_ANSWERED)

    def _refuse_in_haste(self) -> None:
        """Answer 503 without the application."""
        self._watch.note_refusal()
        self.cycle = _ANSWERED
        if self.flow.write_paused:
            self.transport.abort()  # what it leaves unread would fill the memory
            return
        is_for_people = any(name == b"accept" and b"text/html" in value for name, value in self.headers)
        words = refusal.TOO_BUSY_FOR_PEOPLE if is_for_people else refusal.TOO_BUSY
        answer = words.answer(self.server_state.default_headers)
        if self.parser.get_method() == b"HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        self._door.write_at_once(answer)
        # Who awaits `100 Continue` sends the body or does not: what comes next could be either (RFC 9110 §10.1.1).
        is_persistent = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        self._is_last = self.expect_100_continue or not is_persistent or self._is_stopping()
