"""Whose request it is: believed from configured proxies alone, and from them no further than they can see."""

import asyncio
from typing import Any

import pytest

from jotary.server.web.forwarded import MAX_HOPS, Forwarded

TRUSTED = ("10.0.0.0/8", "2001:db8:f::/48", "192.0.2.1")
TCP = ("127.0.0.1", 8000)


def client_of(
    peer: tuple[str, int] | None,
    *headers: str,
    trusted: tuple[str, ...] = TRUSTED,
    server: tuple[str, int | None] | None = TCP,
) -> str | None:
    """The address that the application sees."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"])

    raw = [(b"x-forwarded-for", value.encode("latin-1")) for value in headers]
    scope = {"type": "http", "client": peer, "server": server, "headers": [(b"host", b"x"), *raw]}
    asyncio.run(Forwarded(app, trusted)(scope, None, None))  # type: ignore[arg-type]  # nothing is received or sent
    return seen[0][0] if seen[0] else None


@pytest.mark.parametrize("peer", ["198.51.100.9", "2001:db8:1::1", "192.0.2.2"])
def test_a_header_of_anybody_else_is_not_read(peer: str) -> None:
    """CWE-348: who is no configured proxy says nothing about where they come from."""
    assert client_of((peer, 5), "203.0.113.5") == peer


def test_without_configured_proxies_nobody_is_believed() -> None:
    """The default, on the loopback address too."""
    assert client_of(("127.0.0.1", 5), "203.0.113.5", trusted=()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("1.2.3.4, 203.0.113.5", "203.0.113.5"),  # the first was made up
        ("1.2.3.4, 203.0.113.5, 10.1.1.1", "203.0.113.5"),  # two proxies
        ("203.0.113.5, ::ffff:10.1.1.1", "203.0.113.5"),
        ("10.9.9.9, 10.1.1.1", "10.9.9.9"),  # all of them ours: the one furthest away
        ("2001:DB8:0::5", "2001:db8::5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:1234", "203.0.113.5"),
        ("[2001:db8::5]:1234", "2001:db8::5"),
        ("[2001:db8::5]", "2001:db8::5"),
        (" 203.0.113.5 ", "203.0.113.5"),
    ],
)
def test_the_client_is_the_right_most_address_that_is_no_proxys(header: str, client: str) -> None:
    """What stands left of it is as its sender wrote it."""
    assert client_of(("10.0.0.1", 5), header) == client


def test_several_headers_are_one_list() -> None:
    """RFC 9110 §5.3."""
    assert client_of(("10.0.0.1", 5), "1.2.3.4", "203.0.113.5, 10.1.1.1") == "203.0.113.5"


@pytest.mark.parametrize(
    ("header", "client"),
    [
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.5, ", "10.0.0.1"),
        ("203.0.113.5, nonsense", "10.0.0.1"),
        ("203.0.113.5, nonsense, 10.1.1.1", "10.1.1.1"),
        ("203.0.113.5, [::1", "::1"),
        ("203.0.113.5, 1.2.3.4.5", "10.0.0.1"),
        ("203.0.113.5; \xff", "10.0.0.1"),
        ("203.0.113.5, 256.1.1.1:80", "10.0.0.1"),
    ],
)
def test_behind_an_entry_that_is_no_address_nothing_is_believed(header: str, client: str) -> None:
    """The proxy that wrote it is as far as can be seen."""
    assert client_of(("10.0.0.1", 5), header) == client


def test_no_header_leaves_the_peer() -> None:
    """A proxy that does not tell."""
    assert client_of(("10.0.0.1", 5)) == "10.0.0.1"


def test_a_header_of_thousands_is_followed_for_a_few() -> None:
    """CWE-400: an attacker behind a proxy writes as many as fit."""
    assert client_of(("10.0.0.1", 5), "203.0.113.5" + ", 10.1.1.1" * (MAX_HOPS - 1)) == "203.0.113.5"
    assert client_of(("10.0.0.1", 5), "203.0.113.5" + ", 10.1.1.1" * MAX_HOPS) == "10.1.1.1"


def test_a_unix_sockets_peer_is_a_proxy_and_a_tcp_peer_without_address_is_none() -> None:
    """Who hangs up fast enough has no address, either; the server's own tells the two apart."""
    assert client_of(None, "203.0.113.5", server=("/run/jotary.sock", None), trusted=()) == "203.0.113.5"
    assert client_of(None, "203.0.113.5", server=TCP) is None
    assert client_of(None, "203.0.113.5", server=None) is None


def test_what_is_no_request_is_passed_on_as_it_is() -> None:
    """ASGI, "Lifespan Protocol": its scope has neither a client nor headers."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope)

    asyncio.run(Forwarded(app, TRUSTED)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]  # nothing is received or sent
    assert seen == [{"type": "lifespan"}]
