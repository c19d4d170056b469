"""A socket that stops in time."""

import socket
import time

import pytest

from jotary.verifier.stream import Deadline, DeadlineError, GuardedSocket, OversizeError


class Ticking:
    """A clock that goes on by one second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """One second later."""
        self.now += 1
        return self.now


def test_a_deadline_counts_down_and_ends() -> None:
    """The remaining time becomes the timeout of the next read, so it must never be 0, which would not block at all."""
    deadline = Deadline(Ticking(), 2.5)
    assert [deadline.remaining(), deadline.remaining()] == [1.5, 0.5]
    with pytest.raises(DeadlineError, match=r"2\.5 s"):
        deadline.remaining()


def test_reads_share_one_deadline() -> None:
    """A peer who sends a byte at a time does not get a new timeout with each."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"abcdefgh")
        reader = GuardedSocket(ours, Deadline(Ticking(), 3.5), limit=100).makefile("rb").detach()
        assert [reader.read(1), reader.read(1), reader.read(1)] == [b"a", b"b", b"c"]
        with pytest.raises(DeadlineError):
            reader.read(1)


def test_silence_ends_with_the_deadline() -> None:
    """The socket's own timeout is what remains."""
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises((TimeoutError, DeadlineError)):
        GuardedSocket(ours, Deadline(time.monotonic, 0.05), limit=100).makefile("rb").read(1)


def test_the_bound_is_on_all_reads_together() -> None:
    """Headers, framing and body count alike."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 11)
        theirs.close()
        reader = GuardedSocket(ours, Deadline(time.monotonic, 5), limit=10).makefile("rb").detach()
        assert reader.read(10) == b"x" * 10
        with pytest.raises(OversizeError):
            reader.read(1)


def test_a_peer_who_does_not_read_is_left() -> None:
    """Sending is bounded too."""
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises((TimeoutError, DeadlineError)):
        GuardedSocket(ours, Deadline(time.monotonic, 0.05), limit=100).sendall(b"x" * 5_000_000)
