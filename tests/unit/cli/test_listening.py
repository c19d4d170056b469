"""The socket that a server answers on, and what is said of it."""

import contextlib
import os
import socket
from pathlib import Path

import click
import pytest

from jotary.cli import listening
from jotary.cli.introduction import introduce
from jotary.cli.listening import default_address, listen, listen_on_path, several_of, take_activated, url_of
from jotary.oauth.secret import Secret
from jotary.server.settings import Loaded, Settings
from jotary.server.settings.secret_source import FoundSecret

SECRET = Secret("0123456789abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize(
    ("issuer", "address"),
    [
        ("http://127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("http://localhost:8000/id", ("localhost", 8000)),
        ("http://[::1]:8000", ("::1", 8000)),
        ("http://127.0.0.1", ("127.0.0.1", 80)),
        ("https://id.example.com", ("127.0.0.1", 8000)),
        ("https://id.example.com:8443", ("127.0.0.1", 8000)),
        ("https://localhost:8443", ("127.0.0.1", 8000)),
    ],
)
def test_a_plain_loopback_issuer_says_where_to_listen(issuer: str, address: tuple[str, int]) -> None:
    """Every other has a proxy in front that speaks TLS; only that one must reach the server."""
    assert default_address(issuer) == address


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_port_0_is_any_that_is_free(host: str, url: str) -> None:
    """And can be told; brackets around an IPv6 address (RFC 3986 §3.2.2)."""
    with contextlib.closing(listen(host, 0)) as listener:
        assert url_of(listener).startswith(url)
        assert int(url_of(listener).removeprefix(url)) > 0


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("192.0.2.1", "This machine has no such address: choose another --host."),
        ("no such host.invalid", ""),
        ("two..dots", "It is no name of a host."),
    ],
)
def test_an_address_that_cannot_be_had_is_said_in_one_line(host: str, hint: str) -> None:
    """RFC 5737: nobody has 192.0.2.1; RFC 6761 §6.4: nobody has a name below invalid."""
    with pytest.raises(click.ClickException, match=f"Cannot listen on {host} port 8000: ") as refused:
        listen(host, 8000)
    assert refused.value.message.endswith(hint)
    assert "\n" not in refused.value.message


def test_the_socket_that_a_dead_server_left_is_replaced(tmp_path: Path) -> None:
    """Else nothing would start again after a kill -9."""
    path = tmp_path / "s"
    for _ in range(2):
        listen_on_path(path).close()  # leaves the file
    assert path.is_socket()
    assert path.stat().st_mode & 0o777 == 0o660


def test_a_living_socket_and_other_files_are_left_alone(tmp_path: Path) -> None:
    """A mistyped path must not remove anything."""
    (tmp_path / "file").write_text("precious")
    with pytest.raises(click.ClickException, match="Address already in use"):
        listen_on_path(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"
    with contextlib.closing(listen_on_path(tmp_path / "s")) as living:
        living.listen()
        with pytest.raises(click.ClickException, match="another server answers there"):
            listen_on_path(tmp_path / "s")
        assert (tmp_path / "s").is_socket()


def test_a_path_that_is_too_long_is_said(tmp_path: Path) -> None:
    """unix(7): 107 characters. The error of Python has no number, and none of the system's texts."""
    with pytest.raises(click.ClickException, match="AF_UNIX path too long"):
        listen_on_path(tmp_path / ("s" * 200))


def loaded(**settings: str) -> Loaded:
    """Settings as `load` gives them."""
    made = Settings(secret=SECRET, **settings)  # type: ignore[arg-type] # the texts of these tests are for text fields
    return Loaded(settings=made, config_file=None, secret=FoundSecret(secret=SECRET, origin="JOTARY_SECRET"))


def said(capsys: pytest.CaptureFixture[str], found: Loaded) -> tuple[str, str]:
    """What is said on standard output and standard error."""
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        introduce(found, listener)
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_the_secret_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Terminals are recorded, service logs are kept."""
    out, err = said(capsys, loaded(issuer="https://id.example.com"))
    assert "secret      JOTARY_SECRET\n" in out
    assert SECRET.reveal() not in out + err


def test_first_steps_and_the_warning_are_for_development(capsys: pytest.CaptureFixture[str]) -> None:
    """A public issuer has a proxy in front, and an operator who knows."""
    public, no_warning = said(capsys, loaded(issuer="https://id.example.com"))
    assert "First steps" not in public
    assert no_warning == ""
    local, warning = said(capsys, loaded(issuer="http://127.0.0.1:1"))
    assert "First steps" in local
    assert warning.startswith(
        "Warning: clients look for the issuer http://127.0.0.1:1, but the server listens on port "
    )


def test_the_right_port_is_not_warned_about(capsys: pytest.CaptureFixture[str]) -> None:
    """The default of the scheme counts as named."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        introduce(loaded(issuer=f"http://127.0.0.1:{listener.getsockname()[1]}"), listener)
    assert capsys.readouterr().err == ""


def test_a_socket_that_another_process_serves_at_too_never_blocks() -> None:
    """fcntl(2): they share the flag, and a server that blocks in accept(2) answers nobody any more."""
    listener = listen("127.0.0.1", 0)
    of_another = os.dup(listener.fileno())
    os.set_blocking(of_another, False)
    for each in several_of(listener):
        assert not os.get_blocking(of_another)
        each.close()
    os.close(of_another)


@pytest.mark.parametrize("environ", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "8", "LISTEN_FDS": "1"}])
def test_a_socket_that_was_passed_to_another_process_is_not_taken(environ: dict[str, str]) -> None:
    """sd_listen_fds(3): the variables may be inherited from a parent that they were meant for."""
    assert take_activated(environ, pid=7) is None
    assert environ == {}


@pytest.mark.parametrize("number", ["0", "2", "x"])
def test_one_socket_is_taken_from_a_service_manager(number: str) -> None:
    """The others would be left without anybody who answers."""
    with pytest.raises(click.ClickException, match=f"passed {number} sockets"):
        take_activated({"LISTEN_PID": "7", "LISTEN_FDS": number}, pid=7)


def passed(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> socket.socket | None:
    """What is taken when a service manager passes this file descriptor."""
    monkeypatch.setattr(listening, "_FIRST_PASSED", descriptor)
    return take_activated({"LISTEN_PID": "7", "LISTEN_FDS": "1"}, pid=7)


def test_a_listening_socket_is_taken_for_this_process_and_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is passed on to processes that are started from here (PEP 446)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = passed(os.dup(listener.fileno()), monkeypatch)
        assert taken is not None
        with contextlib.closing(taken):
            assert taken.getsockname() == listener.getsockname()
            assert taken.get_inheritable()


def test_a_socket_that_takes_no_connections_is_refused_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd.socket(5): `Accept=yes` passes a connection, and `ListenDatagram` what has none."""
    with socket.socket() as unbound:
        descriptor = os.dup(unbound.fileno())
        with pytest.raises(click.ClickException, match="takes no connections"):
            passed(descriptor, monkeypatch)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_file_that_is_no_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ListenFIFO`, or a variable that somebody made up."""
    with (tmp_path / "file").open("w") as file, pytest.raises(click.ClickException, match="is no socket"):
        passed(file.fileno(), monkeypatch)


def test_a_socket_can_be_listened_on_by_workers(tmp_path: Path) -> None:
    """Both kinds are passed on to processes that are started from here (PEP 446)."""
    with contextlib.closing(listen("127.0.0.1", 0)) as tcp, contextlib.closing(listen_on_path(tmp_path / "s")) as unix:
        assert (tcp.get_inheritable(), unix.get_inheritable()) == (True, True)


def test_several_of_a_socket_are_all_the_same_one() -> None:
    """And the first is the one that is closed at the end."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(listen("127.0.0.1", 0)))
        several = several_of(listener)
        assert several[0] is listener
        assert len({one.fileno() for one in several}) == len(several) == 32
        assert {one.getsockname() for one in several} == {listener.getsockname()}
        for one in several[1:]:
            one.close()
