"""Every fault, and after each its negative controls. To add one: a module, and its name in `FAULTS`."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from faults import (
    database_stopped,
    disk_full,
    durability,
    freeze,
    kill,
    outage,
    overload,
    races,
    rolling_restart,
    rotation,
    slow_connections,
    wrong_clock,
)
from faults.fault import Effort, Fault, Figure

FAULTS: tuple[Fault, ...] = (
    kill,
    durability,
    races,
    rotation,
    outage,
    wrong_clock,
    rolling_restart,
    freeze,
    disk_full,
    database_stopped,
    overload,
    slow_connections,
)


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        fault: its name.
        figure: what was seen; of a control, what it turned red.
        control: what was taken out; empty for the fault itself.
        remarks: of the fault, with its first line.
    """

    fault: str
    figure: Figure
    control: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def is_as_it_must_be(self) -> bool:
        """Whether a figure is met, or a control has turned its figure red."""
        return self.figure.met != bool(self.control)


@dataclass(frozen=True)
class Outcome:
    """All lines of one fault, and how many seconds it took with its controls."""

    rows: tuple[Row, ...]
    seconds: float


def run(fault: Fault, effort: Effort) -> Outcome:
    """Inject one fault, then see that each of its controls turns a figure red."""
    started = time.perf_counter()
    rows = tuple(_rows(fault, effort))
    return Outcome(rows, time.perf_counter() - started)


def _rows(fault: Fault, effort: Effort) -> Iterator[Row]:
    report = fault.run(effort)
    for number, figure in enumerate(report.figures):
        yield Row(fault.NAME, figure, remarks=() if number else report.remarks)
    for control in fault.CONTROLS.values():
        seen = fault.run(Effort.SHORT, control).figure(control.reddens)
        yield Row(fault.NAME, seen, control.removes)
