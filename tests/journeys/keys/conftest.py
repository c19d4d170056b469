"""Servers of which the keys are the subject: processes of their own, with a client that asks for tokens."""

import json
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from jotary.jose import KeySet, VerifiedToken, jwt

JOTARY = (str(Path(sys.executable).with_name("jotary")),)
AUDIENCE = "https://todo.example.com"


class Place:
    """A folder with a database, the commands and the servers that work on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.environment = {"JOTARY_ISSUER": self.issuer, "JOTARY_LOG_FORMAT": "json"}
        self.processes: list[subprocess.Popen[bytes]] = []
        self._credentials = ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*JOTARY, *arguments], cwd=self.folder, env=self._variables(), capture_output=True, text=True, check=False
        )

    def json(self, *arguments: str) -> Any:
        """What a command prints."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def add_client(self) -> None:
        """A service that asks for tokens."""
        made = self.json("client", "create", "robot", "--type", "service", "--audience", AUDIENCE, "--scope", "todo")
        self._credentials = b64encode(f"robot:{made['client_secret']}".encode()).decode()

    def serve(self) -> None:
        """Start a server, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*JOTARY, "serve", "--port", str(self.port)],
                cwd=self.folder,
                env=self._variables(),
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        while process.poll() is None:
            with suppress(ConnectionError):
                if self.ask("GET", "/ready")[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """End every server."""
        for process in self.processes:
            process.terminate()
            process.wait()
        self.processes.clear()

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {self._credentials}"}
        with closing(HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request(method, path, body, headers if body else {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    def ask_for_token(self) -> tuple[int, dict[str, str], dict[str, Any]]:
        """The answer of the token endpoint to the service."""
        status, headers, body = self.ask("POST", "/token", f"grant_type=client_credentials&resource={AUDIENCE}")
        return status, headers, json.loads(body)

    def token(self) -> str:
        """An access token."""
        status, _, answer = self.ask_for_token()
        assert status == 200, answer
        token: str = answer["access_token"]
        return token

    def verify(self, token: str) -> VerifiedToken:
        """Verify with the keys that the server publishes."""
        keys = KeySet.from_jwks(json.loads(self.ask("GET", "/.well-known/jwks.json")[2]))
        return jwt.verify(token, keys, algorithms={"ES256", "RS256", "EdDSA"}, typ="at+jwt")

    def _variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JOTARY_")}
        return {**kept, **self.environment}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty place."""
    made = Place(tmp_path)
    yield made
    made.stop()
