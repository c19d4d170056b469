"""pytest: a PostgreSQL behind TLS, as the one that pip installs is built without.

What stands in front speaks PostgreSQL's own negotiation (Frontend/Backend Protocol, "SSL Session Encryption"), then TLS
by a certificate of the tests' authority; behind it is a real server at its UNIX socket.
"""

import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.plugins.certificates import certificate

_SSL_REQUEST = struct.pack("!ll", 8, 80877103)
_SIZE = 65536
_PATIENCE = 20  # seconds


class Authority(NamedTuple):
    """Files: who signs, and what a server for 127.0.0.1, and for no other name, has from it."""

    root: Path
    server: Path


def make_authority(folder: Path, name: str) -> Authority:
    """A certificate authority that nobody else knows."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate(name, root_key, name, root_key, x509.BasicConstraints(ca=True, path_length=0))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    leaf = certificate("PostgreSQL", key, name, root_key, address)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made = Authority(folder / f"{name}.pem", folder / f"{name}-server.pem")
    made.root.write_bytes(root.public_bytes(pem))
    made.server.write_bytes(private + leaf.public_bytes(pem))
    return made


class FrontOfPostgreSQL:
    """A loopback port at which the server behind `url`, a UNIX socket's, is reached by TCP.

    Args:
        url: of the database.
        certificate: a file with the key and the certificate; None: TLS is refused, as by a server without it.

    Attributes:
        passed: bytes of clients that reached the server, none of which may be there before it is trusted.
    """

    def __init__(self, url: str, certificate: Path | None) -> None:
        parts = urlsplit(url)
        self._socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._user = parts.username
        self._database = parts.path
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.passed = 0
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def url(self, query: str = "", *, host: str = "127.0.0.1") -> str:
        """The database, by way of this port."""
        port = self._listener.getsockname()[1]
        return f"postgresql://{self._user}@{host}:{port}{self._database}?{query}".rstrip("?")

    def close(self) -> None:
        """Take no more, and wait for who is there."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                thread = Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_PATIENCE)
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            first = client.recv(len(_SSL_REQUEST), socket.MSG_WAITALL)
            server.connect(self._socket)
            if first != _SSL_REQUEST:
                self._pass(first, server)
            elif self._context is None:
                client.sendall(b"N")
            else:
                client.sendall(b"S")
                with self._context.wrap_socket(client, server_side=True) as encrypted:
                    self._relay(encrypted, server)
                return
            self._relay(client, server)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            ready, _, _ = select.select([client, server], [], [])
            if server in ready:
                answer = server.recv(_SIZE)
                if not answer:
                    return
                client.sendall(answer)
            if client in ready and not self._hear(client, server):
                return

    def _hear(self, client: socket.socket, server: socket.socket) -> bool:
        """Whether the client goes on."""
        asked = client.recv(_SIZE)
        self._pass(asked, server)
        while isinstance(client, ssl.SSLSocket) and client.pending():
            self._pass(client.recv(_SIZE), server)
        return bool(asked)

    def _pass(self, data: bytes, server: socket.socket) -> None:
        self.passed += len(data)
        server.sendall(data)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signed the certificate of `postgresql_by_tls`."""
    return make_authority(tmp_path_factory.mktemp("authority"), "root")


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Somebody else."""
    return make_authority(tmp_path_factory.mktemp("authority"), "other")


@pytest.fixture
def front_of_postgresql(postgresql_url: str) -> Iterator[Callable[[Path | None], FrontOfPostgreSQL]]:
    """Opens a port in front of the tests' database, with this certificate or without TLS."""
    with ExitStack() as closing:

        def front(certificate: Path | None) -> FrontOfPostgreSQL:
            made = FrontOfPostgreSQL(postgresql_url, certificate)
            closing.callback(made.close)
            return made

        yield front
