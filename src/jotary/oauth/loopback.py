"""Which hosts are this machine itself: where http is as safe as https (RFC 8252 §8.3)."""

from ipaddress import ip_address


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is loopback: 127.0.0.0/8, ::1 or `localhost`."""
    if host is None:
        return False
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
