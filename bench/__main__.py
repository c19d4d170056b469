"""`make bench` measures all; `python -m bench NAME...` some. Each module here with a `measure()` is one subject.

Figures are only worth comparing within one run: the parties take turns, so that what slows one slows all.
"""

import importlib
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from bench.measurement import Comparison


def subjects(names: list[str]) -> list[ModuleType]:
    """The modules to measure; all of them when no name is given."""
    files = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = {name: importlib.import_module(f"bench.{name}") for name in files if name != "__main__"}
    measuring = {name: module for name, module in modules.items() if hasattr(module, "measure")}
    if unknown := set(names) - set(measuring):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}. There are: {', '.join(measuring)}")
    return [measuring[name] for name in names or measuring]


def show(comparison: Comparison) -> None:
    """Print one table: each party's time, and how many times the limit that is."""
    print(f"\n{comparison.title}")
    limit = comparison.seconds[comparison.limit]
    for party, seconds in comparison.seconds.items():
        print(f"  {party:<28} {seconds * 1e6:10.2f} µs  {seconds / limit:6.2f} x")


def main() -> None:
    """Measure, and print as it goes."""
    for module in subjects(sys.argv[1:]):
        print(f"\n== {(module.__doc__ or module.__name__).splitlines()[0]}")
        for comparison in module.measure():
            show(comparison)


if __name__ == "__main__":
    main()
