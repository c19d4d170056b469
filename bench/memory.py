"""Memory of the tokens that a verifier remembers, each in a process of its own that has done nothing else."""

import argparse
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from bench.access_token import AUDIENCE, ISSUER, tokens
from bench.measurement import FULL, JOTARY, Comparison, Effort, Skipped
from jotary import TokenVerifier
from jotary.jose import Key, KeySet

_REMEMBERED = 100_000
_FEWER = 20  # times, where each is traced, which makes everything several times slower
_BATCH = 100


def measure(effort: Effort) -> Iterator[Comparison | Skipped]:
    """As the system counts it, in all; and as Python's own allocator does, for each."""
    number = _REMEMBERED if effort == FULL else _FEWER * _BATCH
    work = f"memory of {number:,} remembered ES256 tokens"
    if Path("/proc/self/status").exists():
        yield Comparison(work, "MiB", {JOTARY: [_in_a_process(number) / 2**20]}, None)
    else:
        yield Skipped(work, "needs Linux")
    traced = [_in_a_process(number // _FEWER, "--trace") / (number // _FEWER)]
    yield Comparison("memory of each remembered token, traced", "B", {JOTARY: traced}, None)


def _in_a_process(number: int, *options: str) -> float:
    command = [sys.executable, "-m", "bench.memory", str(number), *options]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=300)
    return float(json.loads(answer.stdout))


def grown(number: int, *, is_traced: bool) -> int:
    """Bytes that this process grows by as it verifies so many tokens and remembers all of them."""
    key = Key.generate("ES256")
    keys = KeySet([key.public()])
    verifier = TokenVerifier.offline(issuer=ISSUER, audience=AUDIENCE, keys=keys, cache_size=number + _BATCH)
    _remember(verifier, key, 0)  # now everything that is needed once is there
    if is_traced:
        tracemalloc.start()
    before = _traced() if is_traced else _resident()
    for first in range(_BATCH, number + _BATCH, _BATCH):
        _remember(verifier, key, first)
    return (_traced() if is_traced else _resident()) - before


def _remember(verifier: TokenVerifier, key: Key, first: int) -> None:
    for token in tokens(key, _BATCH, first):
        verifier.verify(token)


def _traced() -> int:
    return tracemalloc.get_traced_memory()[0]


def _resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("number", type=int)
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args()
    print(grown(options.number, is_traced=options.trace))
