"""How the verifier connects, asks and is answered: addresses, time, queries, headers (design §6.4)."""

import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from jotary.testing import Fault, LoopbackIssuer
from jotary.tokens.revocation_feed import feed_link
from jotary.verifier import fetch
from jotary.verifier.fetch import MAX_DOCUMENT, FetchError, Source, fetch_feed, fetch_keys
from jotary.verifier.stream import Deadline, DeadlineError

FEED = "/revocations?after=3&wait=1"


def read_feed(issuer: LoopbackIssuer, query: str = "", timeout: float = 5) -> str:
    """One answer of the feed at `/revocations`, behind position 3, held back for a second at most."""
    source = Source(issuer=issuer.issuer, timeout=timeout)
    return fetch_feed(source, time.monotonic, f"{issuer.origin}/revocations{query}", after=3, wait=1)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_header_in_several_lines_is_one_list(loopback: LoopbackIssuer, *, is_first: bool) -> None:
    """RFC 9110 §5.3: a proxy on the way may add a Link, and must not make the feed of cut-offs go unheard by it."""
    feed = f"{loopback.origin}/revocations"
    links, ages = [feed_link(feed), '</a.css>; rel="preload"'], ["max-age=9", "public"]
    names = (["Link", "link"], ["Cache-Control", "cache-control"])  # two lines, as names have no case
    lines = [
        dict(zip(pair, values if is_first else reversed(values), strict=True))
        for pair, values in zip(names, (links, ages), strict=True)
    ]
    loopback.faults[loopback.jwks_path] = Fault(headers=lines[0] | lines[1])
    fetched = fetch_keys(Source(issuer=loopback.issuer), time.monotonic)
    assert (fetched.revocations_uri, fetched.max_age) == (feed, 9)


@pytest.mark.parametrize("query", ["", "?tenant=a"])
def test_a_feed_is_asked_for_what_is_new(loopback: LoopbackIssuer, query: str) -> None:
    """Its address may have a query of its own."""
    with pytest.raises(FetchError):
        read_feed(loopback, query)
    joined = f"{query}&" if query else "?"
    assert loopback.requests == [f"/revocations{joined}after=3&wait=1"]


def test_a_feed_may_be_held_back_for_as_long_as_was_asked(loopback: LoopbackIssuer) -> None:
    """Beyond the time that a fetch may take."""
    loopback.observe = lambda _: time.sleep(0.5)
    with pytest.raises(FetchError) as caught:
        read_feed(loopback, timeout=0.2)
    assert caught.value.status == 404


@pytest.mark.parametrize("surplus", [0, 1])
def test_a_feed_has_the_bound_of_a_document(loopback: LoopbackIssuer, surplus: int) -> None:
    """What is behind it is not read; and half of a feed is none."""
    loopback.faults[FEED] = Fault(status=200, body=b"x" * (MAX_DOCUMENT + surplus))
    if not surplus:
        assert len(read_feed(loopback)) == MAX_DOCUMENT
    else:
        with pytest.raises(FetchError, match="longer than"):
            read_feed(loopback)


def test_a_feed_that_is_no_text_is_still_an_answer(loopback: LoopbackIssuer) -> None:
    """It is no JWT; that is said by who verifies it, and decoding it is no surprise."""
    loopback.faults[FEED] = Fault(status=200, body=b"\xff")
    assert read_feed(loopback) == "\xff"


def test_keys_may_stand_at_an_address_without_a_path(loopback: LoopbackIssuer) -> None:
    """RFC 9112 §3.2.1: the path that is sent is `/`, and the query stays."""
    loopback.metadata["jwks_uri"] = f"{loopback.origin}?tenant=a"
    with pytest.raises(FetchError, match="404"):
        fetch_keys(Source(issuer=loopback.issuer), time.monotonic)
    assert loopback.requests[-1] == "/?tenant=a"


@pytest.mark.parametrize(("url", "port"), [("https://id.example", 443), ("http://localhost", 80)])
def test_the_schemes_port_is_asked(monkeypatch: pytest.MonkeyPatch, url: str, port: int) -> None:
    """RFC 9110 §4.2.1, §4.2.2."""
    asked: list[Any] = []

    def resolve(*place: Any, **_hints: Any) -> list[Any]:
        asked.append(place)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(FetchError, match="has no"):
        fetch_keys(Source(issuer=url), time.monotonic)
    assert asked == [(urlsplit(url).hostname, port)]


def test_every_address_of_a_host_is_tried(loopback: LoopbackIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of several machines is down."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()
    resolve = socket.getaddrinfo

    def both(host: str, port: int, **hints: Any) -> list[Any]:
        return [*resolve(*closed, **hints), *resolve(host, port, **hints)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert len(fetch_keys(Source(issuer=loopback.issuer), time.monotonic).keys) == 1


def test_time_that_is_up_before_the_connection_stands_is_told_as_such(loopback: LoopbackIssuer) -> None:
    """The look-up of the name took all of it; the socket is given back."""
    opened: list[socket.socket] = []
    moments = iter([0.0, 5.0])
    make = socket.socket

    def remembered(*kind: Any) -> socket.socket:
        opened.append(make(*kind))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("jotary.verifier.fetch.socket.socket", remembered)
        with pytest.raises(FetchError, match="it took longer than 5 s"):
            fetch_keys(Source(issuer=loopback.issuer), lambda: next(moments))
    assert [one.fileno() for one in opened] == [-1]


def test_a_handshake_has_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as much again as the connection had; and whatever ends it, the socket is given back."""
    ours, theirs = socket.socketpair()
    limits: list[float | None] = []

    class Handshake:
        def wrap_socket(self, plain: socket.socket, **_options: object) -> ssl.SSLSocket:
            limits.append(plain.gettimeout())
            raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "_open_socket", lambda *_: ours)
    source: Any = Source(issuer="https://id.example", ssl_context=Handshake())  # type: ignore[arg-type]  # a double
    with theirs, pytest.raises(KeyboardInterrupt):
        fetch._connect(urlsplit("https://id.example"), source, Deadline(lambda: 0.0, 7))
    assert limits == [7]
    assert ours.fileno() == -1


def test_no_time_left_is_not_a_socket_that_never_waits() -> None:
    """A timeout of 0 would mean not to block at all."""
    moments = iter([0.0, 5.0])
    with pytest.raises(DeadlineError):
        Deadline(lambda: next(moments), 5).remaining()


def test_a_host_that_does_not_exist_is_an_error() -> None:
    """`.invalid` is kept for this (RFC 6761 §6.4); the look-up itself stays on this machine."""
    with pytest.raises(FetchError, match="cannot be fetched"):
        fetch_keys(Source(issuer="https://issuer.invalid", timeout=2), time.monotonic)


@pytest.mark.parametrize(
    ("failure", "advice"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "start the issuer"),
        (socket.gaierror(-2, "Name or service not known"), "mend the issuer's URL"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_what_is_wrong_on_the_first_day_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, failure: OSError, advice: str
) -> None:
    """An API that was started before its issuer, or with a name that is misspelt; the rest in the system's words."""

    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr("jotary.verifier.fetch.socket.getaddrinfo", fail)
    with pytest.raises(FetchError) as caught:
        fetch_keys(Source(issuer="https://id.example.com"), time.monotonic)
    assert f"{type(failure).__name__}: {failure}" in str(caught.value)
    assert advice in str(caught.value)
