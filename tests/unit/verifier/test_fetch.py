"""The only network code: what it trusts, and what it does when the answer is bad (design §6.4)."""

import json
import time
from typing import Any

import pytest

from jotary.jose import Key
from jotary.testing import Fault, FrozenClock, LoopbackIssuer
from jotary.verifier.fetch import MAX_DOCUMENT, Fetched, FetchError, Source, fetch_keys


def fetch(issuer: LoopbackIssuer, **options: Any) -> Fetched:
    """One fetch, with the real clock."""
    return fetch_keys(Source(**{"issuer": issuer.issuer, "timeout": 5, **options}), time.monotonic)


def failure(issuer: LoopbackIssuer, **options: Any) -> str:
    """What one fetch fails with."""
    with pytest.raises(FetchError) as caught:
        fetch(issuer, **options)
    return str(caught.value)


def answer(document: object) -> Fault:
    """The JSON of a document instead of the right one."""
    return Fault(body=json.dumps(document).encode())


def test_keys_are_found_from_the_issuer_alone(loopback: LoopbackIssuer) -> None:
    """OIDC Discovery §4: the metadata says where they are."""
    fetched = fetch(loopback)
    assert fetched.keys.to_jwks() == loopback.jwks()
    assert loopback.requests == [loopback.discovery_path, loopback.jwks_path]


@pytest.mark.parametrize("path", ["", "/id", "/deep/er"])
def test_an_issuer_may_have_a_path(path: str) -> None:
    """OIDC Discovery §4.1: the well-known part is appended."""
    with LoopbackIssuer(path=path) as issuer:
        fetch(issuer)
        assert issuer.requests[0] == f"{path}/.well-known/openid-configuration"


@pytest.mark.parametrize("path", ["", "/id"])
def test_an_issuer_without_openid_is_found_by_its_oauth_metadata(path: str) -> None:
    """RFC 8414 §3.1: the well-known part is inserted before the path."""
    with LoopbackIssuer(path=path) as issuer:
        issuer.faults[issuer.discovery_path] = Fault(status=404)
        fetch(issuer)
        assert issuer.requests[1] == f"/.well-known/oauth-authorization-server{path}"


@pytest.mark.parametrize("status", [403, 500, 503])
def test_only_not_found_leads_to_the_other_document(loopback: LoopbackIssuer, status: int) -> None:
    """An issuer in trouble is not asked twice."""
    loopback.faults[loopback.discovery_path] = Fault(status=status)
    assert f"status {status}" in failure(loopback)
    assert loopback.requests == [loopback.discovery_path]


def test_keys_can_be_fetched_without_discovery(loopback: LoopbackIssuer) -> None:
    """For an issuer that has none."""
    fetch(loopback, jwks_uri=loopback.issuer + loopback.jwks_path)
    assert loopback.requests == [loopback.jwks_path]


@pytest.mark.parametrize(
    ("part", "other"),
    [("http:", "HTTP:"), ("127.0.0.1", "localhost"), ("127.0.0.1", "127.0.0.1/"), ("http://", "https://")],
)
def test_metadata_of_another_issuer_is_refused(loopback: LoopbackIssuer, part: str, other: str) -> None:
    """RFC 8414 §3.3: byte for byte, or whoever serves the document could speak for somebody else."""
    loopback.metadata["issuer"] = loopback.issuer.replace(part, other)
    assert "issuer" in failure(loopback)
    assert loopback.fetches() == 0


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://issuer.example/keys", "must be https"),
        ("http://169.254.169.254/latest", "must be https"),
        ("file:///etc/passwd", "must be https"),
        ("ftp://127.0.0.1/keys", "must be https"),
        ("//127.0.0.1/keys", "must be https"),
        ("/keys", "must be https"),
        ("", "must be https"),
        ("https://user:secret@127.0.0.1/keys", "without user information"),
        ("https://", "must name a host"),
        ("https:///keys", "must name a host"),
        ("https://127.0.0.1:99999/keys", "is not a URL"),
        ("https://127.0.0.1:x/keys", "is not a URL"),
        ("https://[::1/keys", "is not a URL"),
        ("https://a..b/keys", "cannot be fetched"),
        ("https://127.0.0.1/\x00", "cannot be fetched"),
    ],
)
def test_keys_are_fetched_over_https_only(loopback: LoopbackIssuer, uri: str, reason: str) -> None:
    """What a document says must not send us anywhere else."""
    loopback.metadata["jwks_uri"] = uri
    assert reason in failure(loopback)


def test_an_https_issuer_cannot_send_us_to_plain_http_on_this_machine(loopback: LoopbackIssuer) -> None:
    """The exception for loopback is for an issuer that is there itself."""
    uri = loopback.issuer + loopback.jwks_path
    with pytest.raises(FetchError, match="must be https"):
        fetch_keys(Source(issuer="https://issuer.example", jwks_uri=uri), time.monotonic)
    assert loopback.requests == []


def test_metadata_without_keys_is_refused(loopback: LoopbackIssuer) -> None:
    """RFC 8414 §2: optional there, necessary here."""
    loopback.faults[loopback.discovery_path] = answer({"issuer": loopback.issuer})
    assert failure(loopback) == "the issuer's metadata has no 'jwks_uri'"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(loopback: LoopbackIssuer, status: int) -> None:
    """One could lead away from https, or to another host."""
    target = loopback.issuer + loopback.jwks_path
    loopback.faults[loopback.discovery_path] = Fault(status=status, headers={"Location": target})
    assert "redirects are not followed" in failure(loopback)
    assert loopback.requests == [loopback.discovery_path]


@pytest.mark.parametrize("status", [201, 204, 206, 400, 401, 404, 429, 500, 502, 503])
def test_only_200_brings_keys(loopback: LoopbackIssuer, status: int) -> None:
    """Even if the body looks right."""
    loopback.faults[loopback.jwks_path] = Fault(status=status)
    assert failure(loopback).endswith(f"status {status}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"[]",
        b"null",
        b"{",
        b'{"keys":NaN}',
        b"\xff\xfe{\x00}\x00",
        b'{"keys":[],"keys":[]}',
        b'{"keys":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(loopback: LoopbackIssuer, body: bytes) -> None:
    """A login page with status 200 is what a captive proxy answers."""
    for path in (loopback.discovery_path, loopback.jwks_path):
        loopback.heal()
        loopback.faults[path] = Fault(body=body)
        assert "not a JSON object" in failure(loopback)


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": None}, {"keys": "x"}])
def test_what_is_no_jwk_set_is_refused(loopback: LoopbackIssuer, document: object) -> None:
    """RFC 7517 §5."""
    loopback.faults[loopback.jwks_path] = answer(document)
    assert "no JWK Set" in failure(loopback)


def test_an_empty_set_is_an_accident(loopback: LoopbackIssuer) -> None:
    """The last good keys survive it."""
    loopback.faults[loopback.jwks_path] = answer({"keys": []})
    assert failure(loopback).endswith("holds no usable key (it is empty)")


def test_of_many_bad_keys_the_first_ones_are_told(loopback: LoopbackIssuer) -> None:
    """The text goes into a log, and into the answer's hint for the operator."""
    loopback.faults[loopback.jwks_path] = answer({"keys": [{"kty": "XYZ"}] * 6})
    reason = failure(loopback)
    assert "key 4:" in reason
    assert "key 5:" not in reason


def test_a_key_with_its_private_part_is_not_used(loopback: LoopbackIssuer) -> None:
    """Whoever read the document could sign with it."""
    loopback.faults[loopback.jwks_path] = answer({"keys": [loopback.signing_key.to_jwk(private=True)]})
    assert "private part" in failure(loopback)


def test_a_symmetric_key_is_not_used(loopback: LoopbackIssuer) -> None:
    """The same."""
    loopback.faults[loopback.jwks_path] = answer({"keys": [Key.generate("HS256", kid="s").to_jwk(private=True)]})
    assert "symmetric" in failure(loopback)


def test_a_bad_key_leaves_the_good_ones(loopback: LoopbackIssuer) -> None:
    """RFC 7517 §5: what is not understood is ignored; what names two keys names none."""
    twins = [Key.generate("ES256", kid="twin").public().to_jwk() for _ in range(2)]
    loopback.faults[loopback.jwks_path] = answer(
        {"keys": [*loopback.jwks()["keys"], *twins, {"kty": "XYZ"}, 7, Key.generate("EdDSA").to_jwk(private=True)]}
    )
    assert [key.kid for key in fetch(loopback).keys] == [loopback.signing_key.kid]


def test_too_many_keys_are_refused(loopback: LoopbackIssuer) -> None:
    """Each one costs a check."""
    loopback.faults[loopback.jwks_path] = answer({"keys": loopback.jwks()["keys"] * 200})
    assert "too_large" in failure(loopback)


@pytest.mark.parametrize("surplus", [1, MAX_DOCUMENT])
def test_a_document_that_is_too_long_is_not_read_to_its_end(loopback: LoopbackIssuer, surplus: int) -> None:
    """Memory is bounded by us, not by the issuer."""
    loopback.faults[loopback.jwks_path] = Fault(body=b" " * (MAX_DOCUMENT + surplus))
    assert "long" in failure(loopback)


def test_a_document_of_the_greatest_length_is_read(loopback: LoopbackIssuer) -> None:
    """The bound itself is allowed."""
    body = json.dumps(loopback.jwks()).encode()
    loopback.faults[loopback.jwks_path] = Fault(body=body + b" " * (MAX_DOCUMENT - len(body)))
    assert len(fetch(loopback).keys) == 1


def test_a_length_that_is_a_lie_takes_no_memory(loopback: LoopbackIssuer) -> None:
    """http.client would ask for all that Content-Length says at once."""
    loopback.faults[loopback.jwks_path] = Fault(headers={"Content-Length": str(10**15)})
    assert "IncompleteRead" in failure(loopback)


def test_headers_without_end_are_not_read(loopback: LoopbackIssuer) -> None:
    """The bound is on every byte, not only on the body."""
    loopback.faults[loopback.jwks_path] = Fault(headers={f"X-{i}": "x" * 60_000 for i in range(50)})
    assert "too long" in failure(loopback)


@pytest.mark.parametrize("fault", [Fault(hang=30), Fault(drip=True)], ids=["hang", "drip"])
def test_everything_has_one_deadline(loopback: LoopbackIssuer, fault: Fault) -> None:
    """Also for a peer that sends a byte now and then, which restarts the timeout of a socket."""
    loopback.break_everything(fault)
    assert "cannot be fetched" in failure(loopback, timeout=0.3)
    assert loopback.fetches() == 0


def test_a_connection_that_is_dropped_is_an_error(loopback: LoopbackIssuer) -> None:
    """No half answer is used."""
    loopback.break_everything(Fault(drop=True))
    assert "cannot be fetched" in failure(loopback)


def test_half_a_document_is_an_error(loopback: LoopbackIssuer) -> None:
    """The connection ends before Content-Length says so."""
    length = str(len(json.dumps(loopback.jwks())) + 7)
    body = json.dumps(loopback.jwks()).encode()
    loopback.faults[loopback.jwks_path] = Fault(body=body, headers={"Content-Length": length})
    assert "IncompleteRead" in failure(loopback)


def test_an_issuer_that_is_down_is_an_error() -> None:
    """Nobody listens."""
    with LoopbackIssuer() as issuer:
        pass
    assert "cannot be fetched: ConnectionRefusedError" in failure(issuer)


def test_https_where_there_is_only_http_is_told(loopback: LoopbackIssuer) -> None:
    """In words of the configuration, and not of OpenSSL."""
    https = loopback.issuer.replace("http://", "https://")
    with pytest.raises(FetchError, match="there is no TLS at that port; it may be http, or another port"):
        fetch_keys(Source(issuer=https, timeout=2), time.monotonic)


@pytest.mark.parametrize(
    ("header", "max_age"),
    [
        ("max-age=600", 600),
        ("public, Max-Age=600, immutable", 600),
        ("s-maxage=9, max-age=600", 600),
        ("max-age=99999999999999999999", 999999999),
        ("no-store", None),
        ("max-age", None),
        ("max-age=", None),
        ("max-age=x", None),
        ("max-age=-1", None),
        ("max-age=²", None),
        ("", None),
    ],
)
def test_the_age_of_keys_is_read(loopback: LoopbackIssuer, header: str, max_age: int | None) -> None:
    """RFC 9111 §5.2.2.1; what cannot be read counts as not said."""
    loopback.faults[loopback.jwks_path] = Fault(headers={"Cache-Control": header})
    assert fetch(loopback).max_age == max_age


def test_nothing_about_us_is_sent(loopback: LoopbackIssuer, clock: FrozenClock) -> None:
    """No cookie, no credentials, no encoding that could blow up (RFC 9110 §12.5.3)."""
    seen: list[dict[str, str]] = []
    loopback.observe = lambda headers: seen.append({name.lower(): value for name, value in headers.items()})
    fetch(loopback)
    assert all(set(headers) == {"host", "accept", "accept-encoding", "connection", "user-agent"} for headers in seen)
    assert all(headers["accept-encoding"] == "identity" for headers in seen)
