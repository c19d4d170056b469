"""Whose request it is when proxies stand in front: X-Forwarded-For, believed only from proxies that are configured.

The header of RFC 7239 is not read: of two headers for one fact a proxy would write one, and pass the other on as the
client wrote it.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.server.flows.limits.network import parse_address
from jotary.server.model.request_notes import FROM_PROXY

#: Proxies one behind the other that are followed; no deployment has as many.
MAX_HOPS: Final = 16

_HEADER: Final = b"x-forwarded-for"


class Forwarded:
    """ASGI middleware: `scope["client"]` becomes the client behind the proxies.

    Args:
        app: what answers.
        trusted_proxies: their addresses and networks.
    """

    def __init__(self, app: ASGIApp, trusted_proxies: Iterable[str]) -> None:
        self._app = app
        self._networks = tuple(ip_network(proxy) for proxy in trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and self._is_from_proxy(scope):
            scope[FROM_PROXY] = True
            address = self._behind([value for name, value in scope["headers"] if name == _HEADER])
            if address is not None:
                scope["client"] = (address, 0)  # not in a copy: the server's access log shows it, too
        await self._app(scope, receive, send)

    def _is_from_proxy(self, scope: Scope) -> bool:
        if _is_unix_socket(scope):
            return True
        return scope["client"] is not None and self._is_trusted(scope["client"][0])

    def _is_trusted(self, address: str) -> bool:
        if not self._networks:
            return False
        parsed = parse_address(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def _behind(self, headers: Sequence[bytes]) -> str | None:
        """The right-most address that is no proxy's: what stands left of it, its sender may have made up.

        None: the nearest proxy named nobody. Where a hop names nobody that could be one, the proxy that wrote it is as
        far as can be seen.
        """
        found = None
        for entry in _from_the_right(headers):
            parsed = parse_address(_without_port(entry))
            if parsed is None:
                break
            found = str(parsed)
            if not self._is_trusted(found):
                break
        return found


def _from_the_right(headers: Sequence[bytes]) -> Iterator[str]:
    """The entries of all headers, which are one list (RFC 9110 §5.3), the last one first."""
    entries = b",".join(headers).rsplit(b",", MAX_HOPS)[-MAX_HOPS:]
    return (entry.decode("latin-1").strip() for entry in reversed(entries))


def _without_port(entry: str) -> str:
    """Some proxies write the port behind the address: `192.0.2.1:80`, `[2001:db8::1]:80`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _is_unix_socket(scope: Scope) -> bool:
    """Whether the server listens on a UNIX socket, which only a proxy on this machine can reach.

    A TCP peer that hung up may have no address either, so the server's own one tells (ASGI, "HTTP connection scope").
    """
    server = scope.get("server")
    return server is not None and server[1] is None and scope["client"] is None
