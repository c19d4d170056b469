"""`make bench` runs, and reckons right. No figure is asserted: they depend on the machine."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

from jotary.jose import Key, KeySet
from jotary.jose.signatures import Verify

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`python -m bench`, which is no part of the distribution: it is found from the repository's root alone."""
    monkeypatch.syspath_prepend(ROOT)
    return importlib.import_module("bench.__main__")


@pytest.fixture
def measurement(bench: ModuleType) -> ModuleType:
    """What a comparison is."""
    return importlib.import_module("bench.measurement")


def test_the_rows_of_this_process_are_all_measured(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §8: each work beside its limit or peer, in the table and in the file."""
    monkeypatch.setenv("PATH", str(tmp_path))  # no node: a test installs nothing
    file = tmp_path / "bench.json"
    subjects = ["verify", "steps", "memory", "sign", "protect", "store", "token"]
    bench.main(["--quick", *subjects, "--json", str(file)])
    rows = json.loads(file.read_text())["rows"]
    assert len(rows) == 37
    assert all(row["parties"]["jotary"]["median"] > 0 for row in rows if "added" not in row["work"])
    printed = capsys.readouterr().out
    assert all(f"| {row['work']} |" in printed for row in rows)
    assert "jose, jsonwebtoken and fast-jwt are left out: node and npm are needed" in printed


def test_a_revocation_is_measured_to_the_refusal(bench: ModuleType) -> None:
    """Design §6.3: from the request at the issuer to the refusal at an API, between two processes."""
    middle, slowest = bench.main(["--quick", "revoke"])
    assert 0 < middle.figure("jotary") <= slowest.figure("jotary") < 10


def test_an_unknown_row_is_refused_by_name(bench: ModuleType) -> None:
    """Who mistypes a row is told which there are."""
    with pytest.raises(SystemExit, match=r"unknown: verfy\. There are: verify, steps, memory, sign"):
        bench.main(["verfy"])


def test_a_ratio_is_the_median_of_the_rounds_not_of_the_parties(measurement: ModuleType) -> None:
    """In each round both parties had the same neighbours: a slow round is slow for both."""
    samples = {"limit": [1.0, 10.0, 2.0], "jotary": [2.0, 30.0, 3.0]}
    compared = measurement.Comparison("work", "µs", samples, "limit")
    assert compared.ratio("jotary") == 2
    assert compared.figure("jotary") == 3


@pytest.mark.parametrize(
    ("bound", "on", "sense", "is_met"),
    [
        (2, "ratio", "≤", True),
        (1.9, "ratio", "≤", False),
        (2, "ratio", "≥", True),
        (2.1, "ratio", "≥", False),
        (4, "figure", "≤", True),
        (3.9, "figure", "≤", False),
    ],
)
def test_a_target_bounds_the_ratio_or_the_figure(
    measurement: ModuleType, bound: float, on: str, sense: str, *, is_met: bool
) -> None:
    """Design §8 asks for both kinds, at most and at least."""
    target = measurement.Target(bound, on, sense)
    compared = measurement.Comparison("work", "µs", {"limit": [2.0], "jotary": [4.0]}, "limit", target)
    assert compared.is_met() is is_met


def test_what_was_not_measured_says_why_in_the_table(measurement: ModuleType) -> None:
    """A row that is missing would look as if nobody had asked."""
    report = importlib.import_module("bench.report")
    assert "| start | skipped: needs Linux |" in report.table([measurement.Skipped("start", "needs Linux")])


def test_no_party_meets_a_token_that_it_remembers(bench: ModuleType) -> None:
    """A token counts as new if jotary checks its signature: so each party must walk through the tokens by itself."""
    verify = importlib.import_module("bench.verify")
    access_token = importlib.import_module("bench.access_token")
    key = Key.generate("EdDSA")
    parties = verify._unseen(key, "EdDSA", access_token.tokens(key, 2 * verify._REMEMBERED))
    checked: list[str] = []
    find = KeySet.verifier

    def counted(keys: KeySet, algorithm: str, kid: str | None) -> Verify:
        checked.append(algorithm)
        return find(keys, algorithm, kid)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KeySet, "verifier", counted)
        for _ in range(3):  # turns
            for _ in range(2 * verify._REMEMBERED + 8):
                parties["jotary"]()
            for _ in range(100):
                parties["PyJWT"]()
    assert len(checked) == 3 * (2 * verify._REMEMBERED + 8)


def test_a_party_in_another_process_says_itself_what_it_took(measurement: ModuleType) -> None:
    """It takes its turn in each round, and is told how long that is."""
    effort = measurement.Effort(rounds=3, turn=0.0001, load=0, warm_up=0)
    samples = measurement.take_turns({"limit": lambda: None}, effort, elsewhere={"peer": lambda seconds: seconds * 2})
    assert samples["peer"] == [0.0002] * 3
    assert len(samples["limit"]) == 3
