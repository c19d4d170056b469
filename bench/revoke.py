"""How long a token lives on after its session was revoked: from the request to the refusal at an API.

By the wall clock: `jotary serve`, and an API on the same machine that follows the feed as it does by default
(design §6.3). What a network adds is half a round trip.
"""

import time
from collections.abc import Iterator

import httpx2

from bench.access_token import AUDIENCE
from bench.load.contenders import jotary_server
from bench.load.process import serving
from bench.measurement import JOTARY, Comparison, Effort, Target
from jotary import InvalidToken, TokenVerifier

_PATIENCE = 10  # seconds; the figure is far from it, or the run fails
_LOOK = 0.002  # seconds between two requests at the API


def measure(effort: Effort) -> Iterator[Comparison]:
    """One session a round."""
    with jotary_server() as contender, serving(contender.command, contender.port):
        issuer = f"http://127.0.0.1:{contender.port}"
        verifier = TokenVerifier(issuer=issuer, audience=AUDIENCE)
        sessions = contender.refresh_tokens[: effort.rounds]
        try:
            with httpx2.Client(base_url=issuer, auth=("web", contender.client_secret), trust_env=False) as client:
                seconds = [_revoked(client, verifier, session) for session in sessions]
        finally:
            verifier.close()
    yield Comparison("revoked, until an API refuses", "s", {JOTARY: seconds}, None, Target(1, "figure"))
    yield Comparison(
        "revoked, until an API refuses: the slowest", "s", {JOTARY: [max(seconds)]}, None, Target(1, "figure")
    )


def _revoked(client: httpx2.Client, verifier: TokenVerifier, refresh_token: str) -> float:
    """Seconds from the revocation of a session to the refusal of its access token, which was good before."""
    answer = client.post("/token", data={"grant_type": "refresh_token", "refresh_token": refresh_token})
    token = answer.json()["access_token"]
    verifier.verify(token)
    started = time.perf_counter()
    client.post("/revoke", data={"token": answer.json()["refresh_token"]}).raise_for_status()
    while time.perf_counter() - started < _PATIENCE:
        try:
            verifier.verify(token)
        except InvalidToken:
            return time.perf_counter() - started
        time.sleep(_LOOK)
    raise AssertionError(f"the token was still accepted {_PATIENCE} seconds after its session had been revoked")
