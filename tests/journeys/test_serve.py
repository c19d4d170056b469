"""`jotary serve` as an operator runs it: a process of its own, real sockets, real signals."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import IO

import pytest

JOTARY = str(Path(sys.executable).with_name("jotary"))


class Server:
    """A running `jotary serve` and what it says."""

    bytecode: Path  # kept between the processes of a run: compiling takes longer than starting

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [JOTARY, "serve", *arguments],
                cwd=folder,
                env=_environment(JOTARY_ISSUER=self.url, JOTARY_LOG_FORMAT="json", **environment),
                stdout=out,
                stderr=err,
            )

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of an answer."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port)) as connection:
            response = _ask(connection, path)
            return response.status, response.read()

    def wait(self) -> "Server":
        """Wait until it answers."""
        while self.process.poll() is None:
            with contextlib.suppress(ConnectionError):
                if self.get("/ready")[0] == 200:
                    return self
            time.sleep(0.02)
        raise AssertionError(f"it ended with {self.process.returncode}: {self.err.read_text()}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait()

    def life(self) -> list[object]:
        """What it logged of its own beginning and end; the trail is sealed in between, whenever there is something."""
        return [event["event"] for event in self.events() if event["event"] != "audit_sealed"]

    def addresses(self, path: str) -> list[object]:
        """Where the requests for a path came from, as it logged them."""
        return [event["address"] for event in self.events() if event["event"] == "request" and event["path"] == path]

    def events(self) -> list[dict[str, object]]:
        """What it logged."""
        return [json.loads(line) for line in self.err.read_text().splitlines() if line.startswith("{")]


def _environment(**changed: str) -> dict[str, str]:
    """The environment of a process, without what this one was told about jotary."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOTARY_", "PYTHON"))}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Server.bytecode), **changed}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ask(connection: HTTPConnection, path: str, **headers: str) -> HTTPResponse:
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


@pytest.fixture(scope="session", autouse=True)
def _bytecode(tmp_path_factory: pytest.TempPathFactory) -> None:
    Server.bytecode = tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """The servers of a test; those that still run are killed behind it."""
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, servers: list[Server], number: int) -> None:
    """Being told to stop is a success: exit code 0, everything closed, nothing on standard error but the log."""
    server = Server(tmp_path)
    servers.append(server)
    server.wait()
    status, body = server.get("/.well-known/openid-configuration")
    assert (status, json.loads(body)["issuer"]) == (200, server.url)
    assert server.end(number) == 0
    assert server.life() == ["started", "stopped"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["err", "jotary.db", "jotary.secret", "out"]


def test_it_says_who_it_is_where_its_things_are_and_what_to_do_first(tmp_path: Path, servers: list[Server]) -> None:
    """For the person who starts it; no secret is printed."""
    server = Server(tmp_path)
    servers.append(server)
    server.wait().end()
    said = server.out.read_text()
    for expected in (
        f"issuer      {server.url}\n",
        f"listens on  {server.url}\n",
        f"database    sqlite:///{tmp_path / 'jotary.db'}\n",
        f"secret      {tmp_path / 'jotary.secret'} (made just now; back it up with the database)\n",
        "jotary user create you@example.com\n",
        "jotary client create my-app --type web",
    ):
        assert expected in said
    assert (tmp_path / "jotary.secret").read_text().strip() not in said + server.err.read_text()


def test_the_answers_tell_nothing_of_the_software_behind(tmp_path: Path, servers: list[Server]) -> None:
    """RFC 9110 §10.2.4: a Server header helps attackers more than anybody."""
    server = Server(tmp_path)
    servers.append(server)
    server.wait()
    with contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        headers = {name.lower() for name, _ in _ask(connection, "/health").getheaders()}
    assert "server" not in headers
    assert {"date", "x-request-id"} <= headers
    assert server.end() == 0


def test_several_processes_share_the_socket_and_the_keys(tmp_path: Path, servers: list[Server]) -> None:
    """Design §6.7: whichever answers, the answer is the same; all of them stop together."""
    server = Server(tmp_path, "--workers", "2")
    servers.append(server)
    server.wait()
    while [event["event"] for event in server.events()].count("started") < 2:
        time.sleep(0.02)
    answers = {server.get("/.well-known/jwks.json") for _ in range(20)}
    assert [status for status, _ in answers] == [200]
    assert server.end() == 0
    assert server.life() == ["started", "started", "stopped", "stopped"]


def test_a_worker_that_dies_is_replaced(tmp_path: Path, servers: list[Server]) -> None:
    """What kill -9 does to one process is noticed by nobody for long."""
    server = Server(tmp_path, "--workers", "2")
    servers.append(server)
    server.wait()
    while [event["event"] for event in server.events()].count("started") < 2:  # both, or the third would be the second
        time.sleep(0.02)
    os.kill(_children(server.process.pid)[0], signal.SIGKILL)
    while [event["event"] for event in server.events()].count("started") < 3:
        time.sleep(0.02)
    assert server.get("/health")[0] == 200
    assert server.end() == 0


def _children(process: int) -> list[int]:
    """Its server processes: spawn starts a resource tracker as well."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_followers_of_the_feed_do_not_hold_up_the_end(
    tmp_path: Path, servers: list[Server], arguments: tuple[str, ...]
) -> None:
    """A long-poll is answered 503 and a stream ends cleanly, so that both go elsewhere; nothing is cut off by force."""
    server = Server(tmp_path, *arguments)
    servers.append(server)
    server.wait()
    with (
        contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as poll,
        contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as stream,
    ):
        events = _ask(stream, "/revocations", Accept="text/event-stream")
        assert events.readline().startswith(b"id: ")
        poll.request("GET", "/revocations?wait=25")
        assert server.get("/health")[0] == 200
        assert server.end() == 0
        assert poll.getresponse().status == 503
        events.read()
    assert "shutdown exceeded" not in server.err.read_text()
    assert "Traceback" not in server.err.read_text()


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path, servers: list[Server]) -> None:
    """Before anything is opened or made but the secret."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = Server(tmp_path, "--port", str(other.getsockname()[1]))
        servers.append(server)
        assert server.process.wait() == 1
    assert server.err.read_text().startswith("Error: Cannot listen on 127.0.0.1 port ")
    assert "Another program has it." in server.err.read_text()
    assert server.err.read_text().count("\n") == 1
    assert server.out.read_text() == ""


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_keys_that_another_secret_sealed_are_said_in_one_line(
    tmp_path: Path, servers: list[Server], arguments: tuple[str, ...]
) -> None:
    """The commonest mistake after a move to another machine; no restart loop."""
    server = Server(tmp_path)
    servers.append(server)
    server.wait().end()
    other = Server(tmp_path, *arguments, JOTARY_SECRET="another secret that is long enough, too")
    servers.append(other)
    assert other.process.wait() == 1
    assert other.err.read_text().startswith("Error: the signing key ")
    assert "was the server's secret changed?" in other.err.read_text()
    assert "Traceback" not in other.err.read_text()


def test_a_loopback_issuer_on_another_port_is_warned_about(tmp_path: Path, servers: list[Server]) -> None:
    """Every client would look for it elsewhere."""
    server = Server(tmp_path, "--port", str(_free_port()))
    servers.append(server)
    while "first steps" not in server.out.read_text().lower():
        time.sleep(0.02)
    assert f"Warning: clients look for the issuer {server.url}" in server.err.read_text()


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_it_can_listen_on_a_unix_socket(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, servers: list[Server], arguments: tuple[str, ...]
) -> None:
    """For a proxy on the same machine: this user and group only; what the proxy says of its clients is believed."""
    folder = tmp_path_factory.mktemp("uds")
    path = folder / "s"
    server = Server(folder, "--uds", str(path), *arguments, JOTARY_ACCESS_LOG="true")
    servers.append(server)
    while not _answers(path):
        assert server.process.poll() is None, server.err.read_text()
        time.sleep(0.02)
    assert path.stat().st_mode & 0o777 == 0o660
    second = Server(tmp_path, "--uds", str(path))
    servers.append(second)
    assert second.process.wait() == 1
    assert "another server answers there" in second.err.read_text()
    assert path.exists()
    assert server.end() == 0
    assert not path.exists()
    assert "192.0.2.7" in server.addresses("/health")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
        connection.connect(str(path))
        connection.sendall(
            b"GET /health HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n"
        )
        return _read_all(connection.makefile("rb")).startswith(b"HTTP/1.1 200")
    return False


def _read_all(file: IO[bytes]) -> bytes:
    with file:
        return file.read()


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "127.0.0.1"),
        ({"JOTARY_TRUSTED_PROXIES": "127.0.0.1"}, "192.0.2.7"),
        ({"FORWARDED_ALLOW_IPS": "*"}, "127.0.0.1"),
    ],
    ids=["nobody", "a trusted proxy", "uvicorn's own variable"],
)
def test_only_a_trusted_proxy_is_believed_about_addresses(
    tmp_path: Path, servers: list[Server], environment: dict[str, str], address: str
) -> None:
    """The audit trail must not hold what anybody may write into a header."""
    server = Server(tmp_path, JOTARY_ACCESS_LOG="true", **environment)
    servers.append(server)
    server.wait()
    with contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        assert _ask(connection, "/health", **{"X-Forwarded-For": "192.0.2.7"}).status == 200
    server.end()
    assert server.addresses("/health") == [address]


def test_idle_connections_make_room_and_busy_ones_do_not(tmp_path: Path, servers: list[Server]) -> None:
    """Nobody shuts others out by holding connections; what cannot be served is answered 503 instead of queueing."""
    server = Server(tmp_path, "--limit-concurrency", "2")
    servers.append(server)
    server.wait()
    with contextlib.ExitStack() as closing:
        idle = [closing.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(4)]
        assert server.get("/health")[0] == 200
        assert idle[0].recv(1) == b""
        for _ in range(2):
            _follow(server, closing)
        assert server.get("/.well-known/jwks.json")[0] == 503
        assert server.get("/health")[0] == 200  # of the process, which is well
    while server.get("/.well-known/jwks.json")[0] != 200:  # it notices in its own time that the followers have gone
        time.sleep(0.02)
    assert server.end() == 0


def _follow(server: Server, closing: contextlib.ExitStack) -> None:
    """Stay with the feed; whoever comes while another request has still to begin is told to come again."""
    while True:
        with contextlib.ExitStack() as opening:
            stream = opening.enter_context(contextlib.closing(HTTPConnection("127.0.0.1", server.port)))
            if _ask(stream, "/revocations", Accept="text/event-stream").readline().startswith(b"id: "):
                closing.enter_context(opening.pop_all())
                return


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_a_header_without_end_is_refused_while_others_are_served(
    tmp_path: Path, servers: list[Server], arguments: tuple[str, ...]
) -> None:
    """RFC 6585 §5: 431, before it is whole, by every process; who still sends can read the answer."""
    server = Server(tmp_path, *arguments)
    servers.append(server)
    server.wait()
    with socket.create_connection(("127.0.0.1", server.port)) as sender:
        sender.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 4_000_000)
        assert server.get("/health")[0] == 200
        assert _read_all(sender.makefile("rb")).startswith(b"HTTP/1.1 431 ")
    assert server.end() == 0


def test_from_an_empty_folder_to_a_token(tmp_path: Path, servers: list[Server]) -> None:
    """The first five minutes: init, an account, a client, the server, a token."""

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [JOTARY, *arguments],
            cwd=tmp_path,
            env=_environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    run("init")
    run("user", "create", "ada@example.com", "--password-stdin", stdin="correct horse battery staple\n")
    made = json.loads(run("client", "create", "svc", "--type", "service", "--json"))
    server = Server(tmp_path)
    servers.append(server)
    server.wait()
    basic = b64encode(f"svc:{made['client_secret']}".encode()).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"}
    with contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("POST", "/token", "grant_type=client_credentials", headers)
        token = json.loads(connection.getresponse().read())
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 300)
    (key,) = json.loads(run("key", "list", "--json"))
    assert key["phase"] == "signing"
    assert [person["email"] for person in json.loads(run("user", "list", "--json"))] == ["ada@example.com"]
    assert server.end() == 0
    said = server.out.read_text() + server.err.read_text()
    assert made["client_secret"] not in said
    assert token["access_token"] not in said
