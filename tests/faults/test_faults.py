"""The short form of every fault: its figures keep within their bounds, and each control turns its figure red."""

import sys
import tempfile
from pathlib import Path

import pytest

from faults import database_stopped, durability
from faults.campaign import FAULTS, Row
from faults.fault import Control, Effort, Fault, Figure
from faults.postgresql import PostgreSQLMissingError, check_postgresql

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the faults are injected with what Linux has")


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Fault:
    """A fault; one that needs strace or PostgreSQL is skipped where that may not trace, or is not to be had."""
    chosen: Fault = request.param
    if chosen.NAME == durability.NAME:
        try:
            with tempfile.TemporaryDirectory() as folder:
                durability.check_strace(Path(folder))
        except durability.StraceMissingError as error:
            pytest.skip(str(error))
    if chosen.NAME == database_stopped.NAME:
        try:
            check_postgresql()
        except PostgreSQLMissingError as error:
            pytest.skip(str(error))
    return chosen


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.NAME) for fault in FAULTS], indirect=True)
def test_a_fault_breaks_nothing(fault: Fault) -> None:
    """The rule and its source stand in the docstring of the fault's module."""
    report = fault.run(Effort.SHORT)
    assert [figure for figure in report.figures if not figure.met] == []


@pytest.mark.parametrize(
    ("fault", "control"),
    [
        pytest.param(fault, control, id=f"{fault.NAME}-{name}")
        for fault in FAULTS
        for name, control in fault.CONTROLS.items()
    ],
    indirect=["fault"],
)
def test_a_figure_turns_red_without_its_guard(fault: Fault, control: Control) -> None:
    """A test that cannot fail is a defect: with the guarded line taken out, the fault is seen."""
    assert not fault.run(Effort.SHORT, control).figure(control.reddens).met


def test_every_fault_has_a_control() -> None:
    """Else its figures would prove nothing."""
    assert all(fault.CONTROLS for fault in FAULTS)
    assert len({fault.NAME for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize(("met", "control", "is_right"), [(True, "", True), (False, "", False), (True, "a", False)])
def test_a_control_is_right_when_its_figure_is_not_met(met: bool, control: str, is_right: bool) -> None:
    """The campaign fails on a control that stays green as it does on a fault that breaks something."""
    row = Row("kill", Figure("lost", "0", "0", met), control)
    assert row.is_as_it_must_be is is_right


TRACE = """\
7 pwrite64(9</d/jotary.db-wal>, "x", 24, 0) = 24
8 {sync}
7 sendto(11<TCP:[1->2]>, "HTTP/1.1 200 OK"..., 9, 0, NULL, 0) = 9
"""


@pytest.mark.parametrize(
    ("sync", "early"),
    [
        ("fdatasync(9</d/jotary.db-wal>) = 0", 0),
        ("fdatasync(9</d/jotary.db-wal> <unfinished ...>\n8 <... fdatasync resumed>) = 0", 0),
        ("fdatasync(9</d/jotary.db-wal> <unfinished ...>", 1),
        ("fdatasync(9</d/jotary.db-wal>) = -1 EIO (Input/output error)", 1),
        ("fdatasync(10</d/jotary.db>) = 0", 1),
        ('write(3</d/servers.log>, "x", 1) = 1', 1),
    ],
)
def test_only_an_fsync_of_the_log_that_returned_counts(sync: str, early: int) -> None:
    """fsync(2): what it has not returned from, or returned from with an error, is not on the disk."""
    seen = durability.read_trace(TRACE.format(sync=sync))
    assert (seen.answers, seen.early) == (1, early)
