"""Servers on loopback that misbehave in every way they can."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.plugins.certificates import certificate


class Server:
    """Answers each request with the next of its answers: bytes, or None to hang up, or a number of seconds."""

    def __init__(self, answers: Sequence[bytes | float | None], hangs_up_after: bytes | None) -> None:
        self.answers = list(answers)
        self._hangs_up_after = hangs_up_after
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if isinstance(answer, float):
                    await asyncio.sleep(answer)
                if not isinstance(answer, bytes):
                    break
                writer.write(answer)
                await writer.drain()
                if answer == self._hangs_up_after:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _serving(*answers: bytes | float | None, hangs_up_after: bytes | None = None) -> AsyncIterator[Server]:
    """A server on a free loopback port."""
    server = Server(answers, hangs_up_after)
    async with await asyncio.start_server(server.connected, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server


@pytest.fixture
def serving() -> Callable[..., AbstractAsyncContextManager[Server]]:
    """Starts such a server."""
    return _serving


@pytest.fixture
def self_signed(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's certificate for 127.0.0.1 that vouches for itself, and a client that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    pem = certificate("127.0.0.1", key, "127.0.0.1", key, names).public_bytes(Encoding.PEM)
    path = tmp_path / "server.pem"
    path.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())
