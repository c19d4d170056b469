"""Where the microseconds of a new access token go, step by step, each over as many different tokens.

Measured one by one, the steps are a little faster than in a row, where each finds the processor's caches full of the
one before; `all of it` is in a row.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from bench.access_token import AUDIENCE, ISSUER, tokens
from bench.measurement import JOTARY, Comparison, Effort, take_turns
from bench.verify import LIMIT, bare_verifier
from jotary import TokenVerifier
from jotary.jose import Key, KeySet, base64url, compact
from jotary.tokens.access_token import passes, usual_text
from jotary.verifier.check import Verified, check, expect
from jotary.verifier.results import Results

T = TypeVar("T")

_LEEWAY = 5
_TOKENS = 64
_MAX_SIZE = 8192


def measure(effort: Effort) -> Iterator[Comparison]:
    """A row for each step; its ratio is to the bare check of the signature."""
    for algorithm in ("RS256", "ES256"):
        key = Key.generate(algorithm)
        many = tokens(key, _TOKENS)
        parties = {LIMIT: bare_verifier(key, many), **_steps(key, many)}
        samples = take_turns(parties, effort)
        for step in parties:
            if step != LIMIT:
                yield Comparison(
                    f"new {algorithm} token: {step}", "µs", {LIMIT: samples[LIMIT], JOTARY: samples[step]}, LIMIT
                )


def _steps(key: Key, many: Sequence[str]) -> dict[str, Callable[[], object]]:
    keys = KeySet([key.public()])
    expected = expect(ISSUER, AUDIENCE, [str(key.alg)], _LEEWAY, _MAX_SIZE)
    now = int(time.time())
    verifier = TokenVerifier.offline(issuer=ISSUER, audience=AUDIENCE, keys=keys, cache_size=_TOKENS // 2)
    verifier.verify(many[0])  # now its header is known
    split = [compact.split(token, _MAX_SIZE) for token in many]
    parts = [compact.take_apart(token, _MAX_SIZE) for token in many]
    claims = [said for _, payload, _, _ in parts if (said := usual_text(payload))]
    verify = keys.verifier(str(key.alg), key.kid)
    results, verified = Results(_TOKENS // 2), check(many[0], keys, expected, now)
    assert isinstance(verified, Verified)
    return {
        "split, header": _each(many, lambda token: keys.known[compact.split(token, _MAX_SIZE)[0]]),
        "base64url of the claims": _each(split, lambda part: base64url.decode(part[1])),
        "base64url of the signature": _each(split, lambda part: base64url.decode(part[3])),
        "signature": _each(parts, lambda part: verify(part[3], part[2])),
        "JSON, and the types of the claims": _each(parts, lambda part: usual_text(part[1])),
        "claims": _each(
            claims,
            lambda said: passes(said, ISSUER, expected.audiences, now, _LEEWAY),
        ),
        "remember it, and forget another": _each(many, lambda token: results.put(token, verified)),
        "the above in a row, with the principal": _each(many, lambda token: check(token, keys, expected, now)),
        "all of it": _each(many, verifier.verify),
    }


def _each(values: Sequence[T], step: Callable[[T], object]) -> Callable[[], object]:
    following = itertools.cycle(values).__next__
    return lambda: step(following())
