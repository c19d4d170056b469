"""`make bench` runs, and reckons right. No figure is asserted: they depend on the machine."""

import asyncio
import importlib
import json
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from faults.postgresql import PostgreSQLMissingError, check_postgresql
from jotary.jose import Key
from jotary.server.store import open_store, schema
from jotary.server.store.backends import backend
from jotary.verifier import check as checking
from jotary.verifier import verifier

NOW = 1_750_000_000
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
    subjects = ["verify", "steps", "memory", "sign", "protect", "token"]
    bench.main(["--quick", *subjects, "--json", str(file)])
    rows = json.loads(file.read_text())["rows"]
    assert len(rows) == 35
    assert all(row["parties"]["jotary"]["median"] > 0 for row in rows if "added" not in row["work"])
    printed = capsys.readouterr().out
    assert all(f"| {row['work']} |" in printed for row in rows)
    assert "jose, jsonwebtoken and fast-jwt are left out: node and npm are needed" in printed


@pytest.fixture
def database_rows(bench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], list[Any]]:
    """What is measured of a subject that has SQLite and PostgreSQL in it, without peers: a test installs nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.import_module("bench.serve"), "further_peers", list)
    return lambda subject: bench.main(["--quick", subject])


@pytest.mark.parametrize(
    ("subject", "works"),
    [
        ("store", ["look up a session in {}", "rotate a session in {}, 64 at once"]),
        ("serve", ["client credentials{}", "refresh with rotation{}"]),
    ],
)
def test_each_work_is_measured_on_both_databases(
    database_rows: Callable[[str], list[Any]], subject: str, works: list[str]
) -> None:
    """Design §8: the same work, in the same run; CPU time with and without that of PostgreSQL's own processes."""
    try:
        check_postgresql()
    except PostgreSQLMissingError as error:
        pytest.skip(str(error))
    figures = {row.work: row.figure("jotary") for row in database_rows(subject)}
    assert all(figure > 0 for figure in figures.values())
    for work in works:
        if subject == "store":
            of = work.format("PostgreSQL")
            assert figures.keys() >= {work.format("SQLite"), of, f"{of}: CPU of PostgreSQL", f"{of}, beside SQLite"}
        else:
            of = work.format(", on PostgreSQL")
            assert figures[f"{of}: CPU for each, with that of PostgreSQL"] > figures[f"{of}: CPU for each"]
            assert figures.keys() >= {work.format(""), of}


def test_what_needs_postgresql_is_left_out_loudly(
    database_rows: Callable[[str], list[Any]],
    measurement: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who lacks it gets the other rows, and is told what to install."""
    monkeypatch.setattr("faults.postgresql._PACKAGES", ("asyncpg", "no_such_package"))
    assert [isinstance(row, measurement.Skipped) for row in database_rows("store")] == [False, False, True]
    assert "PostgreSQL needs no-such-package, which pip installs" in capsys.readouterr().out
    serve = importlib.import_module("bench.serve")
    monkeypatch.setattr(serve, "serving", lambda *_: nullcontext())
    assert isinstance(next(serve.measure(measurement.QUICK)), measurement.Skipped)
    assert "PostgreSQL needs no-such-package, which pip installs" in capsys.readouterr().out


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
    check = checking.check

    def counted(token: str, *expected: Any) -> Any:
        checked.append(token)
        return check(token, *expected)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(verifier, "check", counted)
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


def test_the_same_work_is_measured_on_few_people_and_on_many(bench: ModuleType) -> None:
    """Design §8: refreshing and signing in among many cost little more than among few; nothing grows with them."""
    growth = importlib.import_module("bench.growth")
    measurement = importlib.import_module("bench.measurement")
    effort = measurement.Effort(rounds=1, turn=0, load=0.05, warm_up=0.05, users=(50, 500))
    rows = list(growth.measure(effort, ["SQLite"]))
    assert len(rows) == 21
    assert all(row.samples.keys() == {"50 people", "jotary"} for row in rows)
    assert all(row.figure("jotary") > 0 for row in rows)
    bounded = {row.work.removesuffix(", SQLite, 500 people") for row in rows if row.target}
    assert bounded == {
        "sign in, without the hash",
        "sign in, without the hash: CPU",
        "refresh with rotation",
        "refresh with rotation: CPU for each",
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_is_filled_with_what_the_store_would_have_written(
    bench: ModuleType, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A row that the server would not find, or not use, would make the figures of a large database mean nothing."""
    filling = importlib.import_module("bench.population.filling")
    people = importlib.import_module("bench.population.people")
    contenders = importlib.import_module("bench.load.contenders")
    url = f"sqlite:///{tmp_path}/jotary.db" if kind == "sqlite" else request.getfixturevalue("postgresql_url")
    population = people.Population(30, NOW)

    async def look() -> None:
        store = await open_store(url)
        for number in range(population.users):
            session = await store.session(population.session_id(number))
            user = await store.user_by_email(population.email(number))
            assert session is not None
            assert session.is_alive(NOW)
            assert await store.user(session.user_id) is not None
            assert (await store.sign_in(session.sign_in_id or "")) is not None
            assert user is not None
            assert user == await store.user(population.user_id(number))
            assert await store.password(user.id) is not None
            assert len(await store.sessions_of_user(user.id)) > 1  # one that lives, and expired ones
        assert [await store.purge(population.purged_at(batch)) for batch in (0, 1)] == [people.EXPIRED_AT_ONCE] * 2
        await store.close()

    asyncio.run(contenders.furnish(url, "a client's secret", []))
    weights = getattr(filling, f"fill_{kind}")(url, population)
    assert weights.keys() == {"users", "passwords", "sign_ins", "sessions"}
    asyncio.run(look())
    assert _indexes(url) == {index.name for table in schema.metadata.tables.values() for index in table.indexes}


def _indexes(url: str) -> set[str]:
    """Those that stand for themselves, and not for a constraint."""
    names: set[str] = set()

    def look(connection: sa.Connection) -> None:
        for table in schema.metadata.tables:
            names.update(str(index["name"]) for index in sa.inspect(connection).get_indexes(table))

    backend(url).read_snapshot(url, look)
    return {name for name in names if name.startswith("ix_")}


def test_the_bare_disk_is_measured_where_the_databases_are(bench: ModuleType) -> None:
    """What is acknowledged after it is on disk can be no faster than the disk: the limit beside it."""
    assert importlib.import_module("bench.load.disk").synced_writes(0.01) > 0


def test_everybody_refreshes_before_somebody_does_again(bench: ModuleType) -> None:
    """One row that is always the same would be in memory, however many there are."""
    client = importlib.import_module("bench.load.client")
    waiting = deque(["first", "second", "third"])
    here, there = (client.RefreshAnyone("/token", "a secret", waiting) for _ in range(2))
    assert b"refresh_token=first" in here.request()
    assert b"refresh_token=second" in there.request()
    here.answered(b'{"refresh_token": "first, rotated"}')
    assert b"refresh_token=third" in here.request()
    assert b"refresh_token=first, rotated" in here.request()
    with pytest.raises(RuntimeError, match="did not rotate"):
        here.answered(b'{"refresh_token": "first, rotated"}')


def test_python_peers_are_installed_once(bench: ModuleType, tmp_path: Path) -> None:
    """A folder that is kept for the next run is left as it is; one with other versions is not taken for it."""
    pip = importlib.import_module("bench.peers.pip")
    unavailable = importlib.import_module("bench.peers.npm").Unavailable
    (tmp_path / "installed.txt").write_text("peer==1\nfriend==2", encoding="utf-8")
    assert pip.install(tmp_path, "peer==1", "friend==2") == tmp_path / "bin"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["installed.txt"]
    with pytest.raises(unavailable, match="failed"):
        pip.install(tmp_path / "installed.txt", "peer==1")  # no folder


def test_a_disk_that_is_too_full_is_no_failure(bench: ModuleType) -> None:
    """Five million people need some gigabytes: who has not got them is told, and the other rows are measured."""
    growth = importlib.import_module("bench.growth")
    measurement = importlib.import_module("bench.measurement")
    effort = measurement.Effort(rounds=1, turn=0, load=0, warm_up=0, users=(1, 10**15))
    (row,) = growth.measure(effort, ["SQLite"])
    assert "MiB free of the" in row.reason


def test_a_file_is_held_in_memory_while_it_is_measured(bench: ModuleType, tmp_path: Path) -> None:
    """A page that the system took back is read from the disk, which is no cost of more people (decision 0018)."""
    memory = importlib.import_module("bench.population.memory")
    file, status = tmp_path / "a.db", Path("/proc/self/status")
    file.write_bytes(bytes(40_960))

    def locked() -> int:  # KiB
        return int(status.read_text(encoding="utf-8").partition("VmLck:")[2].split()[0])

    before = locked()
    with memory.in_memory([file]):
        assert locked() == before + 40
    assert locked() == before


def test_the_people_in_the_two_databases_can_be_chosen(bench: ModuleType) -> None:
    """Five million take minutes and gigabytes."""
    options = bench._parse(["--quick", "--users", "10", "20", "growth"])
    assert bench._effort(options).users == (10, 20)
    assert bench._effort(bench._parse([])).users == (10_000, 5_000_000)
