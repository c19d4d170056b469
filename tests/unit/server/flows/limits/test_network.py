"""Which addresses are counted as one."""

import pytest

from jotary.server.flows.limits.network import UNKNOWN, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:C000:207", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (None, UNKNOWN),
        ("", UNKNOWN),
        ("testclient", UNKNOWN),
        ("192.0.2.07", UNKNOWN),
    ],
)
def test_an_ipv6_network_is_its_64_and_ipv4_is_itself_however_it_is_written(address: str | None, network: str) -> None:
    """RFC 6177 §2, RFC 4291 §2.5.5.2: who has one IPv6 address has 2**64, and a socket may show IPv4 as IPv6."""
    assert network_of(address) == network
