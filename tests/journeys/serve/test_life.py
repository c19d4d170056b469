"""From its start to its end, `jotary serve` does and says what an operator needs: real sockets, real signals."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.journeys.serve.conftest import Serve

JOTARY = str(Path(sys.executable).with_name("jotary"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, serve: "Serve", number: int) -> None:
    """Being told to stop is a success: exit code 0, everything closed, nothing on standard error but the log."""
    server = serve(tmp_path)
    server.wait()
    status, body = server.get("/.well-known/openid-configuration")
    assert (status, json.loads(body)["issuer"]) == (200, server.url)
    assert server.end(number) == 0
    assert server.life() == ["started", "stopped"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["err", "jotary.db", "jotary.secret", "out"]


def test_who_sends_slowly_does_not_hold_up_the_end(tmp_path: Path, serve: "Serve") -> None:
    """It is told so (RFC 9110 §15.5.9), while there is still somebody who can; nothing has failed."""
    server = serve(tmp_path)
    server.wait()
    with socket.create_connection(("127.0.0.1", server.port)) as sender:
        sender.sendall(b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        sender.sendall(b"Content-Length: 20\r\n\r\ngrant_type")
        assert server.get("/health")[0] == 200
        assert server.end() == 0
        with sender.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 408 ")
    assert "Traceback" not in server.err.read_text()
    assert "shutdown exceeded" not in server.err.read_text()


def test_it_says_who_it_is_where_its_things_are_and_what_to_do_first(tmp_path: Path, serve: "Serve") -> None:
    """For the person who starts it; no secret is printed."""
    server = serve(tmp_path)
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file system that is full is Linux's")
def test_it_serves_where_nobody_can_hear_who_it_is(tmp_path: Path, serve: "Serve") -> None:
    """A disk that its words have filled must not keep a server from starting anew."""
    (tmp_path / "out").symlink_to("/dev/full")
    server = serve(tmp_path)
    server.wait().end()
    assert server.life() == ["started", "stopped"]


def test_the_answers_tell_nothing_of_the_software_behind(tmp_path: Path, serve: "Serve") -> None:
    """RFC 9110 §10.2.4: a Server header helps attackers more than anybody."""
    server = serve(tmp_path)
    server.wait()
    with contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        headers = {name.lower() for name, _ in server.ask(connection, "/health").getheaders()}
    assert "server" not in headers
    assert {"date", "x-request-id"} <= headers
    assert server.end() == 0


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path, serve: "Serve") -> None:
    """Before anything is opened or made: a secret that was made unsaid is not backed up."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = serve(tmp_path, "--port", str(other.getsockname()[1]))
        assert server.process.wait() == 1
    assert server.err.read_text().startswith("Error: Cannot listen on 127.0.0.1 port ")
    assert "Another program has it." in server.err.read_text()
    assert server.err.read_text().count("\n") == 1
    assert server.out.read_text() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["err", "out"]


@pytest.mark.skipif(sys.platform == "win32", reason="a UNIX socket")
def test_what_keeps_it_from_starting_leaves_no_socket(tmp_path: Path, serve: "Serve") -> None:
    """It is bound before the secret is looked for, and a dead one would be in the way of other programs."""
    server = serve(tmp_path, "--uds", "socket", JOTARY_SECRET="short")
    assert server.process.wait() == 1
    assert server.err.read_text().startswith("Error: JOTARY_SECRET: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["err", "out"]


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_an_address_of_figures_that_is_taken_is_said_in_one_line(
    tmp_path: Path, serve: "Serve", arguments: tuple[str, ...]
) -> None:
    """A setting to be changed, and no fault of ours to be reported."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        server = serve(tmp_path, *arguments, JOTARY_METRICS_LISTEN=address)
        assert server.process.wait() == 1
    said = f"Error: metrics_listen: cannot listen on {address}: Address already in use. Choose another address or port."
    assert server.err.read_text().splitlines() == [said]


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_keys_that_another_secret_sealed_are_said_in_one_line(
    tmp_path: Path, serve: "Serve", arguments: tuple[str, ...]
) -> None:
    """The commonest mistake after a move to another machine; no restart loop."""
    server = serve(tmp_path)
    server.wait().end()
    other = serve(tmp_path, *arguments, JOTARY_SECRET="another secret that is long enough, too")
    assert other.process.wait() == 1
    assert other.err.read_text().startswith("Error: the signing key ")
    assert "was the server's secret changed?" in other.err.read_text()
    assert "Traceback" not in other.err.read_text()


def test_a_loopback_issuer_on_another_port_is_warned_about(tmp_path: Path, serve: "Serve", free_port: int) -> None:
    """Every client would look for it elsewhere."""
    server = serve(tmp_path, "--port", str(free_port))
    while "first steps" not in server.out.read_text().lower():
        time.sleep(0.02)
    assert f"Warning: clients look for the issuer {server.url}" in server.err.read_text()


def test_from_an_empty_folder_to_a_token(tmp_path: Path, serve: "Serve", environment: dict[str, str]) -> None:
    """The first five minutes: init, an account, a client, the server, a token."""

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [JOTARY, *arguments],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    run("init")
    run("user", "create", "ada@example.com", "--password-stdin", stdin="correct horse battery staple\n")
    made = json.loads(run("client", "create", "svc", "--type", "service", "--json"))
    server = serve(tmp_path)
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
