"""The verifier and the life of its process: fork, and the end (design §6.4)."""

import os
import signal
import subprocess
import sys
from threading import Event

import pytest

from jotary import TokenVerifier
from jotary.testing import FrozenClock, LoopbackIssuer

# A fetch that hangs, and a main thread that is done.
LEAVE_WHILE_FETCHING = """
import sys
from threading import Thread
from jotary import TokenVerifier
verifier = TokenVerifier(issuer=sys.argv[1], audience="https://api.example", timeout=60)
waiting = Thread(target=verifier.verify, args=(sys.argv[2],), daemon=True)
waiting.start()
waiting.join(0.3)
print("left", flush=True)
"""


def test_a_fetch_does_not_keep_the_process_alive(loopback: LoopbackIssuer) -> None:
    """Its thread is a daemon: an issuer that hangs does not delay a deployment."""
    gate = Event()
    loopback.observe = lambda _: gate.wait(20)
    command = [sys.executable, "-c", LEAVE_WHILE_FETCHING, loopback.issuer, loopback.token()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    gate.set()
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


def test_importing_the_package_loads_no_verifier() -> None:
    """The server and the command line start without it."""
    code = "import sys, jotary; print(sorted(name for name in sys.modules if name.startswith('jotary')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['jotary']"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_verifies_although_its_parent_was_fetching(loopback: LoopbackIssuer, clock: FrozenClock) -> None:
    """At the fork the lock was held and a fetch under way; in the child there is no thread that would end either."""
    verifier = TokenVerifier(issuer=loopback.issuer, audience=loopback.audience, clock=clock, timeout=5)
    seen, new = loopback.token("seen"), loopback.token("new")
    verifier.verify(seen)
    gate = Event()
    loopback.observe = lambda _: gate.wait(10)
    clock.advance(240)
    verifier.verify(seen)  # begins a fetch in the background, held up at the gate
    source = verifier._keys
    assert source._in_flight is not None
    with source._lock:
        child = os.fork()
        if not child:  # pragma: no cover -- measured in the parent alone
            _verify_and_leave(verifier, [seen, new])
    _, status = os.waitpid(child, 0)
    gate.set()
    source._in_flight.result(timeout=10)
    assert os.waitstatus_to_exitcode(status) == 0


def _verify_and_leave(verifier: TokenVerifier, tokens: list[str]) -> None:  # pragma: no cover -- runs in the child
    """Leave with 0 if everything went well; never return into pytest."""
    code = 1
    signal.alarm(10)  # should it wait for ever, the parent must not
    try:
        assert verifier._keys._in_flight is None
        for token in tokens:
            verifier.verify(token)
        code = 0
    finally:
        os._exit(code)
