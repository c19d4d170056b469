"""`make bench` measures all; `python -m bench NAME...` some.

Figures are only worth comparing within one run: the parties take turns, so that what slows one slows all.
"""

import argparse
import importlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from bench.measurement import FULL, QUICK, Effort
from bench.report import Result, setting, show, table, write_json

SUBJECTS = (
    "verify",
    "steps",
    "memory",
    "sign",
    "protect",
    "store",
    "token",
    "serve",
    "revoke",
    "sign_in",
    "enumeration",
    "start",
    "growth",
)  # modules here that have a `measure(effort)`


def subjects(names: Sequence[str]) -> Iterator[ModuleType]:
    """The modules to measure; all of them when no name is given."""
    if unknown := set(names) - set(SUBJECTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}. There are: {', '.join(SUBJECTS)}")
    return (importlib.import_module(f"bench.{name}") for name in names or SUBJECTS)


def main(arguments: Sequence[str] | None = None) -> list[Result]:
    """Measure, and print as it goes; then the table."""
    options = _parse(arguments)
    modules = subjects(options.names)
    begun = setting()
    print(", ".join(f"{name} {value}" for name, value in {**begun, **begun["versions"]}.items() if name != "versions"))
    results: list[Result] = []
    with warnings.catch_warnings(action="ignore"):  # what peers say to their users
        for module in modules:
            print(f"\n== {(module.__doc__ or module.__name__).splitlines()[0]}")
            for result in module.measure(_effort(options)):
                show(result)
                results.append(result)
    print(f"\n{table(results)}")
    if options.json is not None:
        write_json(options.json, results, begun)
    return results


def _effort(options: argparse.Namespace) -> Effort:
    effort = QUICK if options.quick else FULL
    return replace(effort, users=tuple(options.users)) if options.users else effort


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description="Measure jotary against limits and peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure (default: all)")
    parser.add_argument("--quick", action="store_true", help="show that everything runs; the figures mean nothing")
    parser.add_argument(
        "--users", type=int, nargs=2, metavar=("FEW", "MANY"), help="people in the two databases of growth"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to a file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
