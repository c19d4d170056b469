"""Several processes of one `jotary serve`: they share what they have, and stop together."""

import contextlib
import os
import signal
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.journeys.serve.conftest import Serve

JOTARY = str(Path(sys.executable).with_name("jotary"))


def test_several_processes_share_the_socket_and_the_keys(tmp_path: Path, serve: "Serve") -> None:
    """Design §6.7: whichever answers, the answer is the same; all of them stop together."""
    server = serve(tmp_path, "--workers", "2")
    server.wait()
    while [event["event"] for event in server.events()].count("started") < 2:
        time.sleep(0.02)
    answers = {server.get("/.well-known/jwks.json") for _ in range(20)}
    assert [status for status, _ in answers] == [200]
    assert server.end() == 0
    assert server.life() == ["started", "started", "stopped", "stopped"]


def test_a_worker_that_dies_is_replaced(tmp_path: Path, serve: "Serve") -> None:
    """What kill -9 does to one process is noticed by nobody for long."""
    server = serve(tmp_path, "--workers", "2")
    server.wait()
    while [event["event"] for event in server.events()].count("started") < 2:  # both, or the third would be the second
        time.sleep(0.02)
    os.kill(_children(server.process.pid)[0], signal.SIGKILL)
    while [event["event"] for event in server.events()].count("started") < 3:
        time.sleep(0.02)
    assert server.get("/health")[0] == 200
    assert server.end() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the workers are found as Linux tells them")
@pytest.mark.parametrize("taken", ["jotary.db", "jotary.secret"])
def test_a_worker_does_not_begin_anew_beside_the_others(tmp_path: Path, serve: "Serve", taken: str) -> None:
    """An empty database beside the one that they still have has other keys and no people; so has another secret."""
    server = serve(tmp_path, "--workers", "2")
    server.wait()
    while [event["event"] for event in server.events()].count("started") < 2:
        time.sleep(0.02)
    aside = (tmp_path / taken).rename(tmp_path / "aside")
    os.kill(_children(server.process.pid)[0], signal.SIGKILL)
    while "worker_not_started" not in (lines := {event["event"]: event for event in server.events()}):
        assert server.life().count("started") == 2
        time.sleep(0.02)
    assert (lines["worker_not_started"]["level"], taken in str(lines["worker_not_started"]["problem"])) == (
        "critical",
        True,
    )
    assert not (tmp_path / taken).exists()
    assert server.get("/health")[0] == 200
    aside.rename(tmp_path / taken)
    while server.life().count("started") < 3:  # whoever brings it back has the worker back
        assert server.process.poll() is None, server.err.read_text()
        time.sleep(0.02)
    assert server.end() == 0
    assert "Traceback" not in server.err.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the workers are told and ended by what Linux alone has")
def test_workers_end_with_their_supervisor(tmp_path: Path, serve: "Serve") -> None:
    """What kill -9 does to it leaves nobody at the port, and who is being answered is told to go elsewhere."""
    server = serve(tmp_path, "--workers", "2")
    server.wait()
    while [event["event"] for event in server.events()].count("started") < 2:
        time.sleep(0.02)
    with contextlib.ExitStack() as closing:
        for worker in _children(server.process.pid):
            _end_behind_the_test(worker, closing)
        poll = closing.enter_context(contextlib.closing(HTTPConnection("127.0.0.1", server.port)))
        poll.request("GET", "/revocations?wait=25")
        assert server.get("/health")[0] == 200
        server.process.kill()
        server.process.wait()
        assert poll.getresponse().status == 503
        while server.life().count("stopped") < 2:
            time.sleep(0.02)
    successor = serve(tmp_path, "--port", str(server.port))
    while successor.life() != ["started"]:
        assert successor.process.poll() is None, successor.err.read_text()
        time.sleep(0.02)
    assert successor.end() == 0
    assert "Traceback" not in server.err.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the workers are found as Linux tells them")
def test_ctrl_c_ends_workers_quietly_while_they_start(tmp_path: Path, serve: "Serve") -> None:
    """A terminal tells all of its processes, and they may be in the middle of an import."""
    server = serve(tmp_path, "--workers", "2")
    while len(workers := _children(server.process.pid)) < 2:
        time.sleep(0.002)
    for process in (*workers, server.process.pid):
        os.kill(process, signal.SIGINT)
    assert server.process.wait() == 0
    assert "Traceback" not in server.err.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the workers are found as Linux tells them")
def test_ctrl_c_ends_workers_quietly_when_they_serve(tmp_path: Path, serve: "Serve") -> None:
    """Each hears of it by itself; a second one would end it in the middle of what it does."""
    server = serve(tmp_path, "--workers", "2")
    while [event["event"] for event in server.events()].count("started") < 2:
        time.sleep(0.02)
    for worker in _children(server.process.pid):
        os.kill(worker, signal.SIGINT)
    while server.life().count("stopped") < 2:
        time.sleep(0.02)
    assert server.end(signal.SIGINT) == 0
    assert "Traceback" not in server.err.read_text()


def _end_behind_the_test(process: int, closing: contextlib.ExitStack) -> None:
    """Whatever becomes of it: by a descriptor, which stays that of this process."""
    descriptor = os.pidfd_open(process)
    closing.callback(os.close, descriptor)
    closing.callback(_kill, descriptor)


def _kill(descriptor: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)


def _children(process: int) -> list[int]:
    """Its server processes: spawn starts a resource tracker as well."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_followers_of_the_feed_do_not_hold_up_the_end(
    tmp_path: Path, serve: "Serve", arguments: tuple[str, ...]
) -> None:
    """A long-poll is answered 503 and a stream ends cleanly, so that both go elsewhere; nothing is cut off by force."""
    server = serve(tmp_path, *arguments)
    server.wait()
    with (
        contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as poll,
        contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as stream,
    ):
        events = server.ask(stream, "/revocations", Accept="text/event-stream")
        assert events.readline().startswith(b"id: ")
        poll.request("GET", "/revocations?wait=25")
        assert server.get("/health")[0] == 200
        assert server.end() == 0
        assert poll.getresponse().status == 503
        events.read()
    assert "shutdown exceeded" not in server.err.read_text()
    assert "Traceback" not in server.err.read_text()
