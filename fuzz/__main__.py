"""`make fuzz` runs all; `python -m fuzz tokens`, `coverage` or `replay FILE` a part.

A finding is written to a folder, with the keys of the run, and the exit code is 1.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from fuzz import campaign
from fuzz.defects import DEFECTS
from fuzz.dice import Seeded
from fuzz.findings import read_finding, write_finding
from fuzz.keys import Keys
from fuzz.report import setting, summary, table
from fuzz.seeds import seeds
from fuzz.tally import Tally

_TOKENS = 1_000_000
_RUNS = 500_000
_SHOWN = 10  # findings that are printed


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; 1 if something was found."""
    options = _parse(arguments)
    if options.what == "replay":
        return _replay(options.file)
    if options.defect:
        setattr(*DEFECTS[options.defect])
    print(setting())
    keys = Keys.generate()
    found = 0
    if options.what in {"tokens", "all"}:
        found |= _tokens(keys, options)
    if options.what in {"coverage", "all"}:
        found |= _coverage(keys, options)
    return found


def _tokens(keys: Keys, options: argparse.Namespace) -> int:
    def progress(tally: Tally) -> None:
        if sys.stderr.isatty() or tally.hostile % 100_000 < campaign.CHUNK:
            print(summary(tally), file=sys.stderr, flush=True)

    count, processes = options.count, 1 if options.defect else options.processes  # which is for this process alone
    tally = campaign.run(json.dumps(keys.to_document()), options.seed, count, processes=processes, progress=progress)
    print(table(tally))
    for finding in tally.findings[:_SHOWN]:
        print(f"FOUND {finding.what} [{finding.mutation}]: {write_finding(options.folder, finding, keys)}")
    return 1 if tally.findings else 0


def _coverage(keys: Keys, options: argparse.Namespace) -> int:
    """LibFuzzer ends its process by itself, so it gets one; several processes share the runs, each with a seed."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder, "keys.json")
        document.write_text(json.dumps(keys.to_document()), encoding="utf-8")
        corpus = options.corpus or Path(folder, "corpus")
        corpus.mkdir(parents=True, exist_ok=True)
        vectors = os.environ.get("JOTARY_VECTORS")
        begin = seeds(keys, Path(vectors) if vectors else None) if options.seeds else ()
        for number, seed in enumerate(begin):
            Path(corpus, f"seed-{number:04}").write_bytes(seed)
        options.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "fuzz.coverage", str(document), str(options.folder), options.defect]
        command += [str(corpus), *_limits(options)]
        return finished([[*command, f"-seed={options.seed + number + 1}"] for number in range(options.processes)])


def _limits(options: argparse.Namespace) -> list[str]:
    """What libFuzzer is told: `-timeout` is in seconds, for one input."""
    share = options.runs // options.processes
    prefix = f"-artifact_prefix={options.folder}/"
    return [f"-runs={share}", f"-max_len={options.longest}", "-timeout=10", "-reload=1", prefix]


def finished(commands: Sequence[Sequence[str]]) -> int:
    """Run them side by side; none outlives this process's interest in it, and none waits for another to be read."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile("w+", errors="replace")) for _ in commands]
        running = [subprocess.Popen(command, stderr=file) for command, file in zip(commands, files, strict=True)]
        try:
            return max([_ended(process, file) for process, file in zip(running, files, strict=True)])
        finally:
            for process in running:
                process.kill()
                process.wait()


def _ended(process: "subprocess.Popen[bytes]", said: IO[str]) -> int:
    """Wait for a run, and show what it reached or what it found."""
    process.wait()
    said.seek(0)
    lines = said.read().splitlines()
    if process.returncode == 0:
        last = [line for line in lines if "DONE" in line or line.startswith("Done")]
        print("coverage-guided: " + " ".join(" ".join(last).split()))
        return 0
    print("\n".join(["FOUND by the coverage-guided run:", *lines[-25:]]))
    return 1


def _replay(path: Path) -> int:
    """Fire the token of a finding again, with its keys."""
    finding, keys = read_finding(path)
    again = campaign.Campaign(keys).again(Seeded(0), finding)
    print("\n".join(again) or "nothing is found any more")
    return 1 if again else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m fuzz", description="Fire hostile tokens at all that reads tokens.")
    parser.add_argument("what", nargs="?", default="all", choices=("all", "tokens", "coverage", "replay"))
    parser.add_argument("file", nargs="?", type=Path, help="the finding to replay")
    parser.add_argument("--count", type=int, default=_TOKENS, help="hostile tokens from the grammar (%(default)s)")
    parser.add_argument("--runs", type=int, default=_RUNS, help="coverage-guided inputs (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the grammar and of libFuzzer (%(default)s)")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1), help="(%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="for findings (%(default)s)")
    parser.add_argument("--corpus", type=Path, help="keeps what reached new branches; by default it is thrown away")
    parser.add_argument("--longest", type=int, default=4096, help="bytes of a coverage-guided input (%(default)s)")
    parser.add_argument("--seeds", action=argparse.BooleanOptionalAction, default=True, help="begin with good tokens")
    parser.add_argument("--defect", default="", choices=("", *DEFECTS), help="cut a hole on purpose, to see it found")
    options = parser.parse_args(arguments)
    if options.what == "replay" and options.file is None:
        parser.error("replay needs the file of a finding")
    return options


if __name__ == "__main__":
    sys.exit(main())
