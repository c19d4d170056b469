"""Which headers cross the proxy: what belongs to one connection, to the browser or to this origin stays on its side."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from jotary.client.bff.proxy.path import public_location
from jotary.client.bff.settings import Route
from jotary.oauth.secret import Secret

Raw = Sequence[tuple[bytes, bytes]]

# RFC 9110 §7.6.1
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The session, and what the browser says about itself and its origin: the API's caller is this application. What
# pretends to speak for a proxy in front, or asks for another path or method than the one checked here, is a lie.
_NEVER_SENT: Final = frozenset(
    {
        b"authorization",
        b"cookie",
        b"cookie2",
        b"dpop",
        b"expect",
        b"forwarded",
        b"host",
        b"content-length",
        b"origin",
        b"referer",
        b"true-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-csrf",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-host",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)
_NEVER_SENT_PREFIXES: Final = (b"x-forwarded", b"sec-", b"cf-connecting-")
# What would act on this whole origin: its cookies, its storage, its policies, what other origins may read of it; and
# on the server or cache in front, which takes it for this application's word: another file, another time to keep it.
_NEVER_RETURNED: Final = frozenset(
    {
        b"accept-ch",
        b"alt-svc",
        b"clear-site-data",
        b"content-security-policy",
        b"content-security-policy-report-only",
        b"critical-ch",
        b"cross-origin-resource-policy",
        b"date",
        b"expect-ct",
        b"nel",
        b"origin-agent-cluster",
        b"public-key-pins",
        b"refresh",
        b"report-to",
        b"reporting-endpoints",
        b"server",
        b"service-worker-allowed",
        b"set-cookie",
        b"set-cookie2",
        b"set-login",
        b"strict-transport-security",
        b"surrogate-control",
        b"timing-allow-origin",
        b"x-accel-expires",
        b"x-accel-redirect",
        b"x-content-type-options",
        b"x-frame-options",
        b"x-lighttpd-send-file",
        b"x-permitted-cross-domain-policies",
        b"x-sendfile",
    }
)
_NEVER_RETURNED_PREFIXES: Final = (b"access-control-", b"sec-", b"secure-session-")
_TARGETED_CACHE_CONTROL: Final = b"-cache-control"  # RFC 9213 §2.1: caches prefer it to the one that is set below
# Whole ones: `private="x-field"` is about that field, and leaves the rest to shared caches (RFC 9111 §5.2.2.7).
_FOR_SHARED_CACHES = re.compile(rb"(?:^|,)[ \t]*(?:public|private|no-store|s-maxage=[^,]*)[ \t]*(?:,|$)", re.IGNORECASE)
_NO_BODY: Final = frozenset({204, 304})
_UNPRINTABLE = re.compile(rb"[^\t -~\x80-\xff]")
# An API's answer must not become a page, a script or a frame of this origin, whatever it says it is.
_ADDED: Final = (
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


def request_headers(received: Raw, access_token: Secret) -> list[tuple[bytes, bytes]]:
    """The headers that the API gets, without those about the body's length."""
    dropped = _HOP_BY_HOP | _NEVER_SENT | _named_by_connection(received)
    kept = [
        (name, value)
        for name, value in received
        if name not in dropped
        and not name.startswith(_NEVER_SENT_PREFIXES)
        and b"_" not in name  # WSGI servers take it for a hyphen: X_Forwarded_For would slip through
    ]
    return [*kept, (b"authorization", f"Bearer {access_token.reveal()}".encode("ascii"))]


def response_headers(status: int, received: Raw, route: Route, set_cookies: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """The headers that the browser gets."""
    received = [(name.lower(), value) for name, value in received]
    dropped = _HOP_BY_HOP | _NEVER_RETURNED | _named_by_connection(received)
    # RFC 9112 §6.3: such a length is not the body's, and the server in front of the browser would believe it.
    if status in _NO_BODY or any(name == b"transfer-encoding" for name, _ in received):
        dropped |= {b"content-length"}
    kept = [
        (name, value)
        for name, value in received
        if name not in dropped
        and not name.startswith(_NEVER_RETURNED_PREFIXES)
        and not name.endswith(_TARGETED_CACHE_CONTROL)
        and not _UNPRINTABLE.search(value)  # RFC 9110 §5.5
    ]
    cookies = [(b"set-cookie", cookie.encode("ascii")) for cookie in set_cookies]
    return [*_cacheable(_relocated(kept, route), is_personal=bool(cookies)), *_ADDED, *cookies]


def _named_by_connection(headers: Raw) -> frozenset[bytes]:
    """RFC 9110 §7.6.1: what Connection lists is for this connection only."""
    listed = b",".join(value for name, value in headers if name == b"connection")
    return frozenset(name.strip(b" \t").lower() for name in listed.split(b","))


def _relocated(headers: Raw, route: Route) -> list[tuple[bytes, bytes]]:
    """Location and Content-Location as addresses of this origin."""
    relocated = []
    for name, value in headers:
        if name in {b"location", b"content-location"}:
            location = public_location(route, value.decode("latin-1"))
            if location is not None:
                relocated.append((name, location.encode("latin-1")))
        else:
            relocated.append((name, value))
    return relocated


def _cacheable(headers: Raw, *, is_personal: bool) -> list[tuple[bytes, bytes]]:
    """Keep one person's answer out of caches that others share.

    The API saw an Authorization header, which forbids shared caches to store its answer (RFC 9111 §3.5). The caches
    in front of this application see a cookie instead, which forbids nothing; so it is said here. An answer that
    carries a session is never stored at all.
    """
    controls = [value for name, value in headers if name == b"cache-control"]
    others = [(name, value) for name, value in headers if name != b"cache-control"]
    if is_personal or not controls:
        control = b"no-store"
    else:
        control = b", ".join(controls)
        if not _FOR_SHARED_CACHES.search(control):
            control += b", private"
    return [*others, (b"cache-control", control), (b"vary", b"Cookie")]
