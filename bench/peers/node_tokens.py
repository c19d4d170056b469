"""jose, jsonwebtoken and fast-jwt on Node: a process that takes its turns between those of this one."""

import atexit
import contextlib
import functools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from bench.access_token import AUDIENCE, CLAIMS, ISSUER
from bench.peers.npm import Unavailable, install
from jotary.jose import Key

_PACKAGES = ("jose@6.2.18", "jsonwebtoken@9.0.3", "fast-jwt@6.3.6")
_SCRIPT = Path(__file__).parent / "tokens.mjs"

#: A turn of so many seconds; returns the microseconds of CPU time that one unit of work took.
Turn = Callable[[float], float]


class NodeTokens:
    """Parties by what they do: verify, verify what was seen before, sign. Empty where there is no node."""

    def __init__(self) -> None:
        self.verify: dict[str, Turn] = {}
        self.seen: dict[str, Turn] = {}
        self.sign: dict[str, Turn] = {}


@contextlib.contextmanager
def node_tokens(key: Key, tokens: Sequence[str]) -> Iterator[NodeTokens]:
    """Install them, and start their process for this key and these tokens; why they are left out is printed.

    Installed once for each run of the bench.
    """
    parties = NodeTokens()
    try:
        node, folder = _installed()
    except Unavailable as reason:
        print(f"\njose, jsonwebtoken and fast-jwt are left out: {reason}")
        yield parties
        return
    asked = {
        "algorithm": key.alg,
        "public": key.public().to_pem(),
        "private": key.to_pem(private=True),
        "tokens": list(tokens),
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "claims": CLAIMS,
    }
    command = [node, str(Path(folder) / _SCRIPT.name)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for name in _ask(process.stdin, process.stdout, asked):
            work, _, party = name.partition(": ")
            getattr(parties, work)[party] = functools.partial(_turn, process.stdin, process.stdout, name)
        yield parties
        process.stdin.close()


@functools.cache
def _installed() -> tuple[str, str]:
    folder = _kept_until_exit.enter_context(tempfile.TemporaryDirectory())
    node = install(folder, *_PACKAGES)
    shutil.copy(_SCRIPT, folder)
    return node, folder


_kept_until_exit = contextlib.ExitStack()
atexit.register(_kept_until_exit.close)


def _turn(stdin: IO[bytes], stdout: IO[bytes], name: str, seconds: float) -> float:
    return float(_ask(stdin, stdout, [name, seconds]))


def _ask(stdin: IO[bytes], stdout: IO[bytes], question: object) -> Any:
    stdin.write(json.dumps(question).encode() + b"\n")
    stdin.flush()
    line = stdout.readline()
    if not line:
        raise RuntimeError("the process of node ended; its error is above")
    return json.loads(line)
