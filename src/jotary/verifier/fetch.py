"""The only network code of the verifier: one GET of a JSON object, suspicious of whoever answers.

https only (http on loopback); no redirects, no cookies, no proxy; one deadline for everything from the name look-up to
the last byte; a bound on every byte that is read.
"""

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from jotary.jose import JOSEError, KeySet, strict_json
from jotary.oauth.loopback import is_loopback
from jotary.oauth.metadata import MetadataError, ServerMetadata, well_known_urls
from jotary.tokens.revocation_feed import linked_feed
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.key_documents import read_keys
from jotary.verifier.stream import Deadline, DeadlineError, GuardedSocket, OversizeError

MAX_DOCUMENT = 512 * 1024  # bytes of a document; with headers and framing twice as many may be read
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "jotary-verifier",
}
_ADVICE = {  # what is wrong on the first day, most of the time
    ConnectionRefusedError: "; nobody listens there: start the issuer, or mend its host and port",
    socket.gaierror: "; the host's name is not known here: mend the issuer's URL, or the name service",
}


class FetchError(Exception):
    """The keys could not be had; the text is for the operator.

    Args:
        reason: which document, and what is wrong with it.
        status: the HTTP status, if one was the reason.
    """

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """Keys as the issuer published them.

    Attributes:
        keys: the usable ones and what was ignored.
        max_age: how many seconds they are fresh, if the issuer says so.
        revocations_uri: where the issuer's feed of cut-offs is, if it has one (design §6.3).
    """

    keys: KeySet
    max_age: int | None
    revocations_uri: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the keys are.

    Attributes:
        issuer: found from here, unless
        jwks_uri: says where they are.
        timeout: seconds that one fetch may take in all.
        ssl_context: which certificates are trusted; None for the system's.
        profile: of the issuer's tokens, which says how the keys are published and which of them count.
    """

    issuer: str
    jwks_uri: str | None = None
    timeout: float = 5
    ssl_context: ssl.SSLContext | None = None
    profile: TokenProfile | None = None


def fetch_keys(source: Source, monotonic: Callable[[], float]) -> Fetched:
    """Fetch the issuer's metadata and the keys that it points to.

    Args:
        source: where to look.
        monotonic: a clock that only goes forward, in seconds.

    Raises:
        FetchError: for whatever reason.
    """
    deadline = Deadline(monotonic, source.timeout)
    jwks_uri = source.jwks_uri or _discover(source, deadline)
    document, headers = get_object(jwks_uri, source, deadline)
    try:
        keys = read_keys(document, source.profile)
    except JOSEError as error:
        raise FetchError(f"{jwks_uri!r} is no JWK Set: {error}") from error
    if not len(keys):
        # An issuer that withdraws a key publishes another one; nothing at all is an accident.
        reasons = "; ".join(f"key {ignored.index}: {ignored.reason}" for ignored in keys.ignored[:5])
        raise FetchError(f"{jwks_uri!r} holds no usable key ({reasons or 'it is empty'})")
    max_age = _max_age(headers.get("cache-control", ""))
    return Fetched(keys=keys, max_age=max_age, revocations_uri=linked_feed(headers.get("link", "")))


def fetch_feed(source: Source, monotonic: Callable[[], float], url: str, *, after: int, wait: int) -> str:
    """Read one answer of an issuer's feed of cut-offs (design §6.3): a JWT, still to be verified.

    Args:
        source: whose feed it is.
        monotonic: a clock that only goes forward, in seconds.
        url: of the feed, as the issuer's keys link to it.
        after: the position that is known.
        wait: seconds for which the issuer may hold the answer back.

    Raises:
        FetchError: for whatever reason.
    """
    joined = f"{url}{'&' if '?' in url else '?'}after={after}&wait={wait}"
    body, _ = _get(joined, source, Deadline(monotonic, source.timeout + wait))
    return body.decode("latin-1")  # what is not ASCII is no JWT


def _discover(source: Source, deadline: Deadline) -> str:
    """Return the `jwks_uri` of the issuer's metadata, by OIDC Discovery §4 or else by RFC 8414 §3."""
    openid_url, oauth_url = well_known_urls(source.issuer)
    try:
        document, _ = get_object(openid_url, source, deadline)
    except FetchError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        document, _ = get_object(oauth_url, source, deadline)
    try:
        metadata = ServerMetadata.from_dict(document, issuer=source.issuer)
    except MetadataError as error:
        raise FetchError(str(error)) from error
    if metadata.jwks_uri is None:
        raise FetchError("the issuer's metadata has no 'jwks_uri'")
    return metadata.jwks_uri


def get_object(url: str, source: Source, deadline: Deadline) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Return the JSON object at the URL, and the answer's headers, their names in lower case.

    The media type is not looked at: what counts is that it is JSON, and keys on static storage often have none.

    Raises:
        FetchError: for whatever reason.
    """
    body, headers = _get(url, source, deadline)
    try:
        return strict_json.loads_object(body, max_size=MAX_DOCUMENT), headers
    except JOSEError as error:
        raise FetchError(f"{url!r} is not a JSON object: {error}") from error


def _get(url: str, source: Source, deadline: Deadline) -> tuple[bytes, Mapping[str, str]]:
    """Return the body at the URL, and the answer's headers, their names in lower case."""
    parts = _checked(url, source.issuer)
    try:
        with closing(_connect(parts, source, deadline)) as transport:
            status, headers, body = _exchange(parts, GuardedSocket(transport, deadline, limit=2 * MAX_DOCUMENT))
    except (OSError, HTTPException, ValueError, DeadlineError, OversizeError) as error:
        raise FetchError(f"{url!r} cannot be fetched: {_reason(error)}") from error
    if status != HTTPStatus.OK:
        redirected = ", and redirects are not followed" if 300 <= status < 400 else ""  # noqa: PLR2004 -- RFC 9110 §15.4
        raise FetchError(f"{url!r} answered with status {status}{redirected}", status=status)
    if len(body) > MAX_DOCUMENT:
        raise FetchError(f"{url!r} is longer than {MAX_DOCUMENT} bytes")
    return body, headers


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":  # OpenSSL's word for no TLS at all
        return "there is no TLS at that port; it may be http, or another port"
    advice = next((advice for kind, advice in _ADVICE.items() if isinstance(error, kind)), "")
    return f"{type(error).__name__}: {error}{advice}"


def _checked(url: str, issuer: str) -> SplitResult:
    """Take https, and http on loopback if the issuer itself is there: no downgrade by what a document says."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a bad one raises here
    except ValueError as error:
        raise FetchError(f"{url!r} is not a URL") from error
    local = parts.scheme == "http" and is_loopback(parts.hostname) and urlsplit(issuer).scheme == "http"
    if not (parts.scheme == "https" or local):
        raise FetchError(f"{url!r} must be https (http only on loopback, for an issuer that is there too)")
    if not parts.hostname or "@" in parts.netloc:
        raise FetchError(f"{url!r} must name a host, without user information")
    return parts


def _connect(parts: SplitResult, source: Source, deadline: Deadline) -> socket.socket:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return _open_socket(host, parts.port or 80, deadline, loopback_only=True)
    plain = _open_socket(host, parts.port or 443, deadline)
    try:
        plain.settimeout(deadline.remaining())  # for the whole handshake
        return (source.ssl_context or ssl.create_default_context()).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _open_socket(host: str, port: int, deadline: Deadline, *, loopback_only: bool = False) -> socket.socket:
    """Try each address of the host; `socket.create_connection` would give each one the whole time.

    Over TLS the certificate proves the host, wherever its name leads. Without, only an address of this machine does:
    the name `localhost` is asked of a resolver too, and its answer may change (RFC 8252 §8.3).
    """
    failure: OSError = OSError(f"{host} has no {'loopback ' if loopback_only else ''}address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if loopback_only and not is_loopback(str(address[0])):
            continue
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(deadline.remaining())
            opened.connect(address)
        except OSError as error:
            failure = error
            opened.close()
        except BaseException:
            opened.close()
            raise
        else:
            return opened
    raise failure


def _exchange(parts: SplitResult, guarded: GuardedSocket) -> tuple[int, Mapping[str, str], bytes]:
    connection = HTTPConnection(parts.hostname or "", parts.port)
    connection.sock = guarded  # as much of a socket as http.client uses
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers=_HEADERS)
    response = connection.getresponse()
    headers: dict[str, str] = {}
    for name, value in response.getheaders():  # several lines of a name are one list (RFC 9110 §5.3)
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    # One byte more than allowed tells that there is more; a bound is given because http.client would otherwise take
    # the memory that Content-Length asks for.
    body = response.read(MAX_DOCUMENT + 1)
    if response.length and len(body) <= MAX_DOCUMENT:  # a bounded read does not tell by itself
        raise IncompleteRead(body, response.length)
    return response.status, headers, body


def _max_age(cache_control: str) -> int | None:
    """The `max-age` of a Cache-Control header (RFC 9111 §5.2.2.1); None if there is none that can be read."""
    for directive in cache_control.split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and value.isascii() and value.isdigit():
            return int(value[:9])
    return None
