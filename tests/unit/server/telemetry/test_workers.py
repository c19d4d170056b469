"""Several workers' figures at one address, whatever becomes of one of them."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client import CollectorRegistry, Counter

from jotary.server.telemetry.metrics import workers
from jotary.server.telemetry.metrics.exposition import MetricsListener, listen_on
from jotary.server.telemetry.metrics.workers import Workers, worker_socket


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hangs is given up sooner than in earnest; who answers does so at once."""
    monkeypatch.setattr(workers, "_PATIENCE", 0.5)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is closed behind a test."""
    with ExitStack() as closed:
        yield closed


def answering(folder: Path, stack: ExitStack, requests: int) -> None:
    """One more worker, which has counted so many requests."""
    registry = CollectorRegistry()
    Counter("requests", "What it counted.", registry=registry).inc(requests)
    shown = MetricsListener(registry, stack.enter_context(worker_socket(folder)))
    stack.callback(shown.close)


def hung(folder: Path, stack: ExitStack) -> socket.socket:
    """One more worker, which is there and takes no connection."""
    listener = stack.enter_context(worker_socket(folder))
    stack.enter_context(closing(listener))
    return listener


def shown(folder: Path) -> dict[str, dict[str, float]]:
    """Each figure by the worker that it is of."""
    found: dict[str, dict[str, float]] = {}
    for family in Workers(folder).collect():
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                found.setdefault(sample.name, {})[sample.labels["worker"]] = sample.value
    return found


def test_each_worker_has_its_own_figures_under_its_number(tmp_path: Path, stack: ExitStack) -> None:
    """They are not added up: the sum would fall when a worker is replaced, and a counter must not."""
    answering(tmp_path, stack, 3)
    answering(tmp_path, stack, 4)
    assert shown(tmp_path) == {"requests_total": {"0": 3, "1": 4}, "jotary_worker_up": {"0": 1, "1": 1}}


def test_a_family_that_all_workers_have_is_shown_once(tmp_path: Path, stack: ExitStack) -> None:
    """OpenMetrics 1.0, "MetricFamily": a name stands for one family, or the whole text is refused."""
    answering(tmp_path, stack, 3)
    answering(tmp_path, stack, 4)
    assert [family.name for family in Workers(tmp_path).collect()] == ["requests", "jotary_worker_up"]


def test_a_worker_that_hangs_is_shown_as_down_beside_the_others(tmp_path: Path, stack: ExitStack) -> None:
    """`jotary_worker_up` is 0, which the alert looks for; nobody waits for it for ever."""
    answering(tmp_path, stack, 3)
    hung(tmp_path, stack)
    assert shown(tmp_path) == {"requests_total": {"0": 3}, "jotary_worker_up": {"0": 1, "1": 0}}


def test_a_worker_that_hangs_for_long_does_not_take_the_others_figures_away(tmp_path: Path, stack: ExitStack) -> None:
    """Each time it is asked leaves a connection in its queue; of a full one, connect(2) says EAGAIN."""
    answering(tmp_path, stack, 3)
    listener = hung(tmp_path, stack)
    listener.listen(0)
    with suppress(BlockingIOError):
        while True:
            waiting = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            waiting.setblocking(False)
            waiting.connect(listener.getsockname())
    assert shown(tmp_path) == {"requests_total": {"0": 3}, "jotary_worker_up": {"0": 1, "1": 0}}


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrequ"], ids=["nothing", "half"])
def test_a_worker_that_hangs_up_is_shown_as_down(tmp_path: Path, stack: ExitStack, said: bytes) -> None:
    """It may be killed while it answers."""
    listener = hung(tmp_path, stack)

    def answer() -> None:
        connection, _ = listener.accept()
        with closing(connection):
            connection.sendall(said)

    worker = Thread(target=answer)
    worker.start()
    assert shown(tmp_path) == {"jotary_worker_up": {"0": 0}}
    worker.join()


def test_a_worker_that_was_killed_is_not_shown(tmp_path: Path, stack: ExitStack) -> None:
    """It leaves its socket behind, at which nobody answers; it is no worker that hangs."""
    listen_on(tmp_path / "0.sock").close()
    assert shown(tmp_path) == {}
    answering(tmp_path, stack, 3)
    assert shown(tmp_path) == {"requests_total": {"0": 3}, "jotary_worker_up": {"0": 1}}


def test_a_living_workers_number_is_taken_by_no_other_and_a_dead_ones_is(tmp_path: Path) -> None:
    """Else numbers would grow with every worker that is replaced, and each label is a series that is kept."""
    with worker_socket(tmp_path) as first:
        with worker_socket(tmp_path) as second:
            assert second.getsockname() == str(tmp_path / "1.sock")
            second.close()
        assert not (tmp_path / "1.sock").exists()
        with worker_socket(tmp_path) as third:
            assert third.getsockname() == str(tmp_path / "1.sock")
            third.close()
        first.close()


def test_there_is_an_end_to_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than to look for one for ever."""
    monkeypatch.setattr(workers, "MAX_WORKERS", 1)
    with worker_socket(tmp_path) as only, closing(only), pytest.raises(OSError, match="too many workers"):
        worker_socket(tmp_path).__enter__()


def test_others_cannot_read_a_workers_lock(tmp_path: Path) -> None:
    """Who can open it can hold it, and workers would find no number."""
    with worker_socket(tmp_path) as only, closing(only):
        assert (tmp_path / "0.lock").stat().st_mode & 0o077 == 0
