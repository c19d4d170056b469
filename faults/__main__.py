"""`make faults` injects every fault; `python -m faults NAME… --quick` some of them, shortly.

The exit code is 1 if a figure is out of its bound, or if a control did not turn its figure red.
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence

from faults import campaign
from faults.campaign import FAULTS, Row
from faults.fault import Effort


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; 1 if something is not as it must be."""
    options = _parse(arguments)
    effort = Effort.SHORT if options.quick else Effort.FULL
    rows: list[Row] = []
    for fault in FAULTS:
        if options.names and fault.NAME not in options.names:
            continue
        outcome = campaign.run(fault, effort)
        rows += outcome.rows
        print(f"{fault.NAME}: {outcome.seconds:.0f} s", file=sys.stderr, flush=True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"Python {platform.python_version()} on {platform.machine()}, {cores} cores; {effort.value} form\n")
    print(table(rows))
    return 0 if all(row.is_as_it_must_be for row in rows) else 1


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, and what there is to remark below."""
    lines = ["| Fault | Figure | Seen | Bound | |", "| --- | --- | --- | --- | --- |"]
    lines += [_line(row) for row in rows]
    remarks = [f"{row.fault}: {remark}" for row in rows for remark in row.remarks]
    return "\n".join([*lines, *(["", *remarks] if remarks else [])])


def _line(row: Row) -> str:
    figure = row.figure
    what = f"control, without {row.control}: {figure.name}" if row.control else figure.name
    verdict = {True: "red, as it must be" if row.control else "met", False: "NOT RED" if row.control else "NOT MET"}
    return f"| {row.fault} | {what} | {figure.seen} | {figure.bound} | {verdict[row.is_as_it_must_be]} |"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [fault.NAME for fault in FAULTS]
    parser = argparse.ArgumentParser("python -m faults", description="Inject faults, and count what breaks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names)}; all by default")
    parser.add_argument("--quick", action="store_true", help="the short form of each, as in make test")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
