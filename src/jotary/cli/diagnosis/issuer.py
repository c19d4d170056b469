"""Whether clients find the server where the issuer says, and whether the proxy in front lets it see what it must."""

import http.client
import ssl
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, fail, ok, warn
from jotary.jose import JOSEError, strict_json
from jotary.oauth.metadata import well_known_urls
from jotary.server.settings.issuer import is_loopback_issuer

_TIMEOUT: Final = 5.0  # seconds
_MOST: Final = 262_144  # bytes of an answer
_HOST_HINT: Final = "Let the proxy pass the path on unchanged, and set the issuer to exactly the URL that clients use."


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Message
    body: bytes


def check(deployment: Deployment) -> Findings:
    """The URL itself, its metadata, the clock and the cookies that come with it, and the proxy."""
    issuer = deployment.settings.issuer
    yield _scheme(issuer)
    url = well_known_urls(issuer)[0]
    try:
        answer = _get(url)
    except (OSError, http.client.HTTPException) as error:
        yield fail("issuer answers", f"{url}: {_reason(error)}", _mend_of(error, issuer))
        yield from _proxies(deployment, None)
        return
    yield from _metadata(url, answer, issuer)
    _note_clock(deployment, answer)
    yield from _cookies(issuer)
    yield from _proxies(deployment, answer)


def _scheme(issuer: str) -> Finding:
    if is_loopback_issuer(issuer):
        return warn(
            "issuer", f"{issuer} is for this machine only", "Set issuer to the https URL that clients will use."
        )
    return ok("issuer", issuer)


def _get(url: str) -> _Answer:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", parts.path or "/", headers={"User-Agent": "jotary-doctor"})
        response = connection.getresponse()
        return _Answer(response.status, response.headers, response.read(_MOST))
    finally:
        connection.close()


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _mend_of(error: Exception, issuer: str) -> str:
    if isinstance(error, ssl.SSLError):
        return "Give the proxy a certificate for this host with its whole chain, from an authority that clients know."
    if is_loopback_issuer(issuer):
        return "Start the server: jotary serve"
    return "Start the server, and see that this name leads to its proxy from here as it does from elsewhere."


def _metadata(url: str, answer: _Answer, issuer: str) -> Findings:
    if answer.status != HTTPStatus.OK:
        where = answer.headers.get("Location")
        found = f"{url} answers {answer.status}" + (f" and leads to {where}" if where else "")
        yield fail("issuer answers", found, _HOST_HINT)
        return
    yield ok("issuer answers", url)
    try:
        said = strict_json.loads_object(answer.body)
    except JOSEError:
        yield fail("issuer metadata", "what answers there is no metadata of an OpenID provider", _HOST_HINT)
        return
    if said.get("issuer") != issuer:
        found = f"says {said.get('issuer')!r}, and the settings say {issuer!r}"
        mend = "Start the server that answers there with these settings; the two must be equal byte for byte."
        yield fail("issuer metadata", found, mend)
    else:
        yield ok("issuer metadata", "names the same issuer, byte for byte")


def _note_clock(deployment: Deployment, answer: _Answer) -> None:
    try:
        theirs = int(parsedate_to_datetime(answer.headers["Date"]).timestamp())
    except (TypeError, ValueError):
        return
    deployment.clocks.append(("the issuer's answer", theirs - deployment.now))


def _cookies(issuer: str) -> Findings:
    """A browser drops a `__Host-` cookie that lost one of its attributes on the way (RFC 6265bis)."""
    try:
        answer = _get(f"{issuer.rstrip('/')}/sign-up")
    except (OSError, http.client.HTTPException):
        return
    for cookie in answer.headers.get_all("Set-Cookie") or ():
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        lost = sorted({"secure", "path=/", "httponly"} - attributes)
        lost += sorted(part for part in attributes if part.startswith("domain="))
        name = cookie.partition("=")[0]
        if lost or not name.startswith("__Host-"):
            mend = "Let the proxy pass Set-Cookie on as it is: no rewriting of cookies' paths, domains or flags."
            yield fail("cookies", f"{name} arrives changed: {', '.join(lost) or 'its name'}", mend)
            return
        yield ok("cookies", "arrive as they were set: Secure, HttpOnly, for this host only")


def _proxies(deployment: Deployment, answer: _Answer | None) -> Findings:
    """`jotary serve` speaks no TLS, so that an https issuer has a proxy in front."""
    trusted = deployment.settings.trusted_proxies
    everybody = [text for text in trusted if ip_network(text).prefixlen == 0]
    is_behind_proxy = not is_loopback_issuer(deployment.settings.issuer) or (
        answer is not None and ("Via" in answer.headers or "Server" in answer.headers)
    )
    if everybody:
        found = f"trusted_proxies has {everybody[0]}: anybody may say which address they come from"
        yield fail("proxy", found, "Set trusted_proxies to the addresses of your own proxies.")
    elif is_behind_proxy and not trusted:
        found = "there is a proxy in front, and trusted_proxies is empty: everybody seems to come from its address"
        mend = 'Set trusted_proxies = ["127.0.0.1"], or where the proxy is; not needed with jotary serve --uds.'
        yield warn("proxy", found, mend)
    else:
        yield ok("proxy", f"trusted: {', '.join(trusted)}" if trusted else "none in front")
