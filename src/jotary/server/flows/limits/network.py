"""From an address to the network that one customer of a provider has. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

#: What one customer is given at the least; whoever has one has 2**64 addresses (RFC 6177 §2, RFC 4291 §2.5.1).
_IPV6_PREFIX: Final = 64

#: Where there is no address, as behind a proxy that tells none: all of them are one.
UNKNOWN: Final = "unknown"


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in a text; IPv4 that came through an IPv6 socket is IPv4 (RFC 4291 §2.5.5.2). None: there is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def network_of(address: str | None) -> str:
    """The network that is counted as one: an IPv4 address, the /64 of an IPv6 address, or `UNKNOWN`."""
    parsed = parse_address(address or "")
    if parsed is None:
        return UNKNOWN
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network((int(parsed), _IPV6_PREFIX), strict=False))
