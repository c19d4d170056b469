"""ToDo on the command line: signs its person in when it must, and calls the ToDo API in their name."""

import argparse
import asyncio
import os
import sys
import webbrowser
from collections.abc import Sequence
from typing import Any

import httpx2

from jotary.client.native import ClientError, NativeApp, NotSignedInError

SCOPES = ("openid", "todo:read", "todo:write")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says. `TODO_ISSUER` and `TODO_API` name the servers; unset, they are the demo's."""
    asked = _parser().parse_args(arguments)
    api = os.environ.get("TODO_API", "http://127.0.0.1:8001")
    try:
        app = NativeApp(
            issuer=os.environ.get("TODO_ISSUER", "http://127.0.0.1:8000"),
            client_id=os.environ.get("TODO_CLIENT_ID", "todo-native"),
            scopes=SCOPES,
            resources=(api,),
        )
        _sign_in_if_needed(app)
        with httpx2.Client(base_url=api, auth=app.auth(api)) as client:
            asked.command(client, asked)
    except (ClientError, httpx2.HTTPError) as error:
        print(f"Error: {error}. {getattr(error, 'hint', '')}".rstrip(), file=sys.stderr)  # noqa: T201 -- a command line
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="todo", description="Your tasks.")
    commands = parser.add_subparsers(required=True, metavar="add|list|done")
    add = commands.add_parser("add", help="add a task")
    add.add_argument("title")
    add.set_defaults(command=_add)
    commands.add_parser("list", help="list the open tasks").set_defaults(command=_list)
    done = commands.add_parser("done", help="tick a task off")
    done.add_argument("number", type=int)
    done.set_defaults(command=_done)
    return parser


def _sign_in_if_needed(app: NativeApp) -> None:
    try:
        asyncio.run(app.session())
    except NotSignedInError:
        asyncio.run(app.login(show=_show))


def _show(url: str) -> None:
    """Open the browser; and tell the address, for where there is none or the wrong one opens."""
    print(f"Sign in with your browser:\n{url}", file=sys.stderr, flush=True)  # noqa: T201 -- a command line
    webbrowser.open(url)


def _add(client: httpx2.Client, asked: argparse.Namespace) -> None:
    task = _answer(client.post("/tasks", json={"title": asked.title}))
    _print_task(task)


def _list(client: httpx2.Client, _asked: argparse.Namespace) -> None:
    cursor: int | None = None
    while True:
        query = {"done": "false"} if cursor is None else {"done": "false", "cursor": str(cursor)}
        page = _answer(client.get("/tasks", params=query))
        for task in page["items"]:
            _print_task(task)
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _done(client: httpx2.Client, asked: argparse.Namespace) -> None:
    _print_task(_answer(client.patch(f"/tasks/{asked.number}", json={"done": True})))


def _answer(response: httpx2.Response) -> dict[str, Any]:
    response.raise_for_status()
    body: dict[str, Any] = response.json()
    return body


def _print_task(task: dict[str, Any]) -> None:
    print(f"{task['id']:>4}  {'x' if task['done'] else ' '}  {task['title']}")  # noqa: T201 -- a command line
