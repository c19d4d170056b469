"""What a run says: the parties of each comparison as it comes, then one table, then JSON."""

import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.measurement import JOTARY, Comparison, Skipped, Target

Result = Comparison | Skipped

_PEERS = ("cryptography", "PyJWT", "joserfc", "Authlib", "python-jose", "jwcrypto")
_PACKAGES = (*_PEERS, "starlette", "fastapi", "uvicorn", "uvloop", "httptools")
_HEAD = ("Work", "Limit or peer", "jotary", "Ratio", "Target", "Met")
_MET = {True: "yes", False: "**no**", None: ""}


def show(result: Result) -> None:
    """Print one result, with every party."""
    print(f"\n{result.work}")
    if isinstance(result, Skipped):
        print(f"  skipped: {result.reason}")
        return
    for party in result.samples:
        print(f"  {party:<32} {_figure(result, party):>14}  {_ratio(result, party):>8}")


def table(results: Iterable[Result]) -> str:
    """The results as Markdown, one row for each."""
    rows = [_HEAD, tuple("---" for _ in _HEAD), *(_row(result) for result in results)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def setting() -> dict[str, Any]:
    """Where the figures come from, as far as it says something about them."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    load = [round(value, 1) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": load,
        "versions": versions,
    }


def write_json(path: Path, results: Sequence[Result], begun: dict[str, Any]) -> None:
    """Write all of it to a file."""
    document = {
        "setting": begun,
        "load_average_at_end": setting()["load_average"],
        "rows": [_members(r) for r in results],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _row(result: Result) -> tuple[str, ...]:
    if isinstance(result, Skipped):
        return (result.work, f"skipped: {result.reason}", "", "", "", "")
    against = "" if result.against is None else f"{result.against}: {_figure(result, result.against)}"
    target = "" if result.target is None else _target(result.target, result)
    return (
        result.work,
        against,
        _figure(result, JOTARY),
        _ratio(result, JOTARY),
        target,
        _MET[result.is_met()],
    )


def _figure(result: Comparison, party: str) -> str:
    return f"{_rounded(result.figure(party))} {result.unit}"


def _rounded(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _ratio(result: Comparison, party: str) -> str:
    ratio = result.ratio(party)
    return "" if math.isnan(ratio) else f"{ratio:.2f} x"


def _target(target: Target, result: Comparison) -> str:
    return f"{target.sense} {target.bound:g} {'x' if target.on == 'ratio' else result.unit}"


def _members(result: Result) -> dict[str, Any]:
    if isinstance(result, Skipped):
        return {"work": result.work, "skipped": result.reason}
    parties = {
        party: {"median": result.figure(party), "ratio": _or_none(result.ratio(party)), "samples": list(samples)}
        for party, samples in result.samples.items()
    }
    return {
        "work": result.work,
        "unit": result.unit,
        "against": result.against,
        "parties": parties,
        "target": None if result.target is None else _target(result.target, result),
        "met": result.is_met(),
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
