"""The User API, with all that goes in and out of it written to a file. For the test of what it lets be seen."""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from jotary.server.app import from_environment


class RecordedServer:
    """Passes everything on. `/leak` says a secret aloud and `/crash` fails with one in its hands, as a bug would."""

    def __init__(self, application: Any, file: Path) -> None:
        self._application = application
        self._file = file

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, and write down what was said."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        said: dict[str, Any] = {"path": scope["path"], "query": scope["query_string"].decode("latin-1")}
        said |= {"sent_headers": _texts(scope["headers"]), "sent": b"", "answered": b"", "headers": [], "status": 0}
        if scope["path"] == "/leak":
            print(base64.b64encode(scope["query_string"]).decode(), file=sys.stderr, flush=True)  # noqa: T201 -- what a bug would do

        async def receive_recorded() -> Any:
            message = await receive()
            said["sent"] += message.get("body", b"")
            return message

        async def send_recorded(message: Any) -> None:
            if message["type"] == "http.response.start":
                said["headers"], said["status"] = _texts(message["headers"]), message["status"]
            said["answered"] += message.get("body", b"")
            await send(message)

        try:
            await self._application(scope, receive_recorded, send_recorded)
        finally:
            line = {key: value.decode("latin-1") if isinstance(value, bytes) else value for key, value in said.items()}
            with self._file.open("a") as file:
                file.write(json.dumps(line) + "\n")


def _texts(headers: Any) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def create() -> RecordedServer:
    """The factory that the stage starts."""
    return RecordedServer(from_environment(), Path(os.environ["RECORD"]))
