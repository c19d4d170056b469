"""The issuer on a loopback port: what it serves, and how it can be made to misbehave."""

import json
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected

import pytest

from jotary import TokenVerifier
from jotary.testing import Fault, LoopbackIssuer


def get(issuer: LoopbackIssuer, path: str) -> tuple[int, dict[str, str], bytes]:
    """One request."""
    connection = HTTPConnection(issuer.origin.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_it_serves_what_a_verifier_needs() -> None:
    """OIDC Discovery §4, RFC 8414 §3, RFC 7517 §5."""
    with LoopbackIssuer(path="/id") as issuer:
        for path in ("/id/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/id"):
            document = json.loads(get(issuer, path)[2])
            assert document == {"issuer": issuer.issuer, "jwks_uri": f"{issuer.issuer}/.well-known/jwks.json"}
        status, headers, body = get(issuer, "/id/.well-known/jwks.json")
        assert (status, headers["Cache-Control"], json.loads(body)) == (200, "public, max-age=300", issuer.jwks())
        assert get(issuer, "/")[0] == 404
        TokenVerifier(issuer=issuer.issuer, audience=issuer.audience).verify(issuer.token())


def test_it_counts_and_shows_requests() -> None:
    """So that a test can say how many there may be."""
    with LoopbackIssuer() as issuer:
        seen: list[str] = []
        issuer.observe = lambda headers: seen.append(headers["Host"])
        get(issuer, issuer.jwks_path)
        get(issuer, "/other")
        assert issuer.requests == [issuer.jwks_path, "/other"]
        assert issuer.fetches() == 1
        assert seen == [issuer.origin.removeprefix("http://")] * 2


def test_every_fault_can_be_had() -> None:
    """Status, headers, body, silence, drops."""
    with LoopbackIssuer() as issuer:
        issuer.faults["/x"] = Fault(status=302, headers={"Location": "/y"}, body=b"moved")
        status, headers, body = get(issuer, "/x")
        assert (status, headers["Location"], body) == (302, "/y", b"moved")
        issuer.faults["/x"] = Fault(drop=True)
        with pytest.raises(RemoteDisconnected):
            get(issuer, "/x")
        issuer.faults["/x"] = Fault(body=b"abc", drip=True)
        assert get(issuer, "/x")[2] == b"abc"
        issuer.faults["/x"] = Fault(body=b"abc", headers={"Content-Length": "9"})
        with pytest.raises(IncompleteRead):
            get(issuer, "/x")


def test_it_can_be_broken_and_healed() -> None:
    """All documents at once."""
    with LoopbackIssuer() as issuer:
        issuer.break_everything(Fault(status=500))
        paths = (issuer.jwks_path, issuer.discovery_path, issuer.oauth_discovery_path)
        assert [get(issuer, path)[0] for path in paths] == [500, 500, 500]
        issuer.heal()
        assert [get(issuer, path)[0] for path in paths] == [200, 200, 200]


def test_it_can_lie_about_itself() -> None:
    """Members added to its metadata, or replaced."""
    with LoopbackIssuer() as issuer:
        issuer.metadata["issuer"] = "https://evil.example"
        issuer.max_age = None
        assert json.loads(get(issuer, issuer.discovery_path)[2])["issuer"] == "https://evil.example"
        assert "Cache-Control" not in get(issuer, issuer.jwks_path)[1]


def test_a_closed_issuer_is_down() -> None:
    """And a request that hangs is let go."""
    with LoopbackIssuer() as issuer:
        pass
    with pytest.raises(ConnectionRefusedError):
        get(issuer, "/")
