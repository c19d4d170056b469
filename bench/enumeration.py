"""Whether an answer tells if an account or a client exists: by its text, its size or its time.

Wrong passwords for people that there are and people that there are not, and wrong secrets for clients, one after the
other over one connection, each pair in an order drawn by lot. An attempt comes from a network of its own, as a proxy
reports it, so that no limit is met. A rank test says whether the times differ by more than chance.
"""

import asyncio
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import uvloop

from bench.load.contenders import has_process_figures
from bench.load.people import Connection, Form, token_request
from bench.measurement import JOTARY, Comparison, Effort, Skipped
from bench.rank_test import rank_test
from bench.sign_in import PEOPLE, sign_in_server

KNOWN = "there is one"
#: How often two rank tests, where there is no difference, may find one all the same: once in a hundred runs.
ALPHA = 0.01 / 2
_SIGN_INS_PER_ROUND = 40
_TOKENS_PER_ROUND = 80

#: What differs in every answer: names of requests, tokens in forms, what was typed, the clock.
_VOLATILE = re.compile(
    rb"x-request-id: \w+|date: [^\r]+|(?<=csrf_token\" value=\")[^\"]+|(?:person|nobody)-\d+", re.IGNORECASE
)


@dataclass
class _Seen:
    seconds: list[float] = field(default_factory=list)
    answers: set[tuple[int, int, bytes]] = field(default_factory=set)


def measure(effort: Effort) -> Iterator[Comparison | Skipped]:
    """Sign-in, then the token endpoint."""
    if not has_process_figures():
        yield Skipped("enumeration", "needs Linux")
        return
    with sign_in_server(JOTARY_TRUSTED_PROXIES="127.0.0.1") as (port, _, _):
        form = Form(port)

        def sign_in(kind: str, number: int) -> bytes:
            name = "person" if kind == KNOWN else "nobody"
            return form.filled(f"{name}-{number % PEOPLE}@example.com", "wrong", X_Forwarded_For=_address(kind, number))

        def token(kind: str, number: int) -> bytes:
            client_id = "service" if kind == KNOWN else "nothing"
            return token_request(client_id, "wrong", X_Forwarded_For=_address(kind, number))

        yield _compared("sign in, account unknown", port, sign_in, effort.rounds * _SIGN_INS_PER_ROUND)
        yield _compared("token, client unknown", port, token, effort.rounds * _TOKENS_PER_ROUND)


def _compared(work: str, port: int, request: Callable[[str, int], bytes], pairs: int) -> Comparison:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(_ask(port, request, pairs))
    known, unknown = seen[KNOWN], seen[JOTARY]
    found = rank_test(known.seconds, unknown.seconds)
    verdict = "a difference" if found.p < ALPHA else "no difference"
    same = "the same" if known.answers == unknown.answers else "NOT the same"
    print(
        f"\n{work}: {2 * pairs} attempts; status, headers, size and text are {same}; unknown takes longer in"
        f" {found.larger:.1%} of comparisons, p = {found.p:.3f}: {verdict} at {ALPHA}"
    )
    samples = {KNOWN: [each * 1000 for each in known.seconds], JOTARY: [each * 1000 for each in unknown.seconds]}
    return Comparison(work, "ms", samples, KNOWN)


async def _ask(port: int, request: Callable[[str, int], bytes], pairs: int) -> dict[str, _Seen]:
    seen, connection = {KNOWN: _Seen(), JOTARY: _Seen()}, Connection(port)
    lot = random.Random(1)  # noqa: S311 -- the order of a measurement, and the same in every run
    for number in range(pairs):
        for kind in lot.sample((KNOWN, JOTARY), 2):
            content = request(kind, number)
            begun = time.perf_counter()
            status, head, body = await connection.ask(content)
            seen[kind].seconds.append(time.perf_counter() - begun)
            seen[kind].answers.add((status, len(body), _VOLATILE.sub(b"", head + body)))
    connection.close()
    return seen


def _address(kind: str, number: int) -> str:
    """A network of its own for every attempt."""
    return f"2001:db8:{int(kind == KNOWN)}:{number:x}::1"
