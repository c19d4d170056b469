"""Fetching keys over TLS: the certificate is checked, with the host's name (RFC 9110 §4.3.4)."""

import socket
import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.plugins.certificates import certificate

from jotary.testing import FrozenClock, LoopbackIssuer
from jotary.verifier import InvalidToken, TokenVerifier
from jotary.verifier.fetch import FetchError, Source, _open_socket, fetch_keys
from jotary.verifier.stream import Deadline


class Authority(NamedTuple):
    """A certificate authority that nobody knows, a server's certificate by it, and one that it did not sign."""

    certificate: Path
    server: Path
    impostor: Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The server's certificate is for 127.0.0.1 and id.example.com alone; the impostor's for the latter."""
    folder = tmp_path_factory.mktemp("tls")
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate("Test root", root_key, "Test root", root_key, x509.BasicConstraints(ca=True, path_length=0))
    name = x509.DNSName("id.example.com")
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), name])
    leaf = certificate("Issuer", key, "Test root", root_key, names)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + leaf.public_bytes(pem))
    own = certificate("Issuer", key, "Issuer", key, x509.SubjectAlternativeName([name]))
    (folder / "impostor.pem").write_bytes(private + own.public_bytes(pem))
    return Authority(folder / "root.pem", folder / "server.pem", folder / "impostor.pem")


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A listener that never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def secure(authority: Authority) -> Iterator[LoopbackIssuer]:
    """An issuer on https."""
    with LoopbackIssuer(ssl_context=_context_of(authority.server)) as issuer:
        yield issuer


def test_a_trusted_certificate_is_accepted(secure: LoopbackIssuer, authority: Authority) -> None:
    """With the authority that the operator names."""
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    fetched = fetch_keys(Source(issuer=secure.issuer, ssl_context=trusting), time.monotonic)
    assert secure.issuer.startswith("https://127.0.0.1:")
    assert fetched.keys.to_jwks() == secure.jwks()


def test_a_certificate_of_an_unknown_authority_is_refused(secure: LoopbackIssuer) -> None:
    """By default the system's authorities are trusted, and no others."""
    with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch_keys(Source(issuer=secure.issuer), time.monotonic)
    assert secure.requests == []


def test_a_certificate_of_another_host_is_refused(secure: LoopbackIssuer, authority: Authority) -> None:
    """It is good, but for 127.0.0.1."""
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    elsewhere = secure.issuer.replace("127.0.0.1", "localhost")
    with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch_keys(Source(issuer=elsewhere, ssl_context=trusting), time.monotonic)
    assert secure.requests == []


def test_a_handshake_that_hangs_stands_under_the_deadline(silent: socket.socket) -> None:
    """The peer takes the connection and says nothing."""
    issuer = f"https://127.0.0.1:{silent.getsockname()[1]}"
    with pytest.raises(FetchError, match=r"handshake.*timed out"):
        fetch_keys(Source(issuer=issuer, timeout=0.3), time.monotonic)


def test_opening_a_connection_stands_under_the_deadline(silent: socket.socket) -> None:
    """A host that swallows packets would hold us for minutes."""
    port = silent.getsockname()[1]
    with _open_socket("127.0.0.1", port, Deadline(lambda: 0.0, 7)) as opened:
        assert opened.gettimeout() == 7


def test_a_peer_that_does_not_speak_tls_is_refused(loopback: LoopbackIssuer) -> None:
    """No fallback to plain http."""
    with pytest.raises(FetchError, match="no TLS at that port"):
        fetch_keys(Source(issuer=loopback.issuer.replace("http:", "https:")), time.monotonic)
    assert loopback.requests == []


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, int]]:
    """Where names lead from now on, with the port: an attacker owns the zone, or has poisoned a cache."""
    answers: dict[str, tuple[str, int]] = {}
    resolve = socket.getaddrinfo

    def answer(host: str, port: int, **hints: Any) -> list[Any]:
        return list(resolve(*answers.get(host, (host, port)), **hints))

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return answers


def test_a_rebound_name_does_not_move_the_fetch(
    secure: LoopbackIssuer, authority: Authority, zone: dict[str, tuple[str, int]], clock: FrozenClock
) -> None:
    """Nothing is asked of a machine that cannot prove the name, and the keys that are known go on verifying."""
    with LoopbackIssuer(ssl_context=_context_of(authority.impostor)) as impostor:
        secure.clock = impostor.clock = clock
        zone["id.example.com"] = ("127.0.0.1", _port(secure))
        verifier = TokenVerifier(
            issuer=secure.issuer,
            audience=secure.audience,
            jwks_uri=f"https://id.example.com{secure.jwks_path}",
            clock=clock,
            ssl_context=ssl.create_default_context(cafile=str(authority.certificate)),
        )
        assert verifier.verify(secure.token("ada")).subject == "ada"
        zone["id.example.com"] = ("127.0.0.1", _port(impostor))
        clock.advance(3600)
        assert verifier.verify(secure.token("ada")).subject == "ada"
        with pytest.raises(InvalidToken):
            verifier.verify(secure.token("ada", key=impostor.signing_key))
        assert impostor.requests == []


def test_localhost_that_leads_elsewhere_is_not_asked(
    loopback: LoopbackIssuer, zone: dict[str, tuple[str, int]]
) -> None:
    """RFC 8252 §8.3: without TLS only the address says that it is this machine."""
    zone["localhost"] = ("192.0.2.1", 80)
    issuer = loopback.issuer.replace("127.0.0.1", "localhost")
    with pytest.raises(FetchError, match="localhost has no loopback address"):
        fetch_keys(Source(issuer=issuer), time.monotonic)


def _context_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _port(issuer: LoopbackIssuer) -> int:
    return int(issuer.issuer.rpartition(":")[2])
