"""`jotary init`."""

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.server.settings import Settings, load
from jotary.server.settings.record import SECRETS
from jotary.server.settings.reference import entries

Run = Callable[..., Any]


@pytest.fixture
def run(run: Run, tmp_path: Path) -> Run:
    """In an empty folder."""
    for file in tmp_path.iterdir():
        file.unlink()
    return run


def test_what_it_writes_is_what_a_server_needs(run: Run, tmp_path: Path) -> None:
    """A public issuer and a secret that only the owner can read; everything else at its default."""
    outcome = run("init", "--issuer", "https://id.example.com")
    assert outcome.code == 0
    assert "Next: jotary serve" in outcome.out
    loaded = load(environ={}, folder=tmp_path)
    assert loaded.settings.issuer == "https://id.example.com"
    assert loaded.secret.origin == str(tmp_path / "jotary.secret")
    assert not loaded.secret.is_new
    assert stat.S_IMODE((tmp_path / "jotary.secret").stat().st_mode) == 0o600


def test_every_setting_is_explained_and_its_default_can_be_uncommented(run: Run) -> None:
    """Each line behind '# ' is the default itself, in TOML."""
    run("init")
    text = Path("jotary.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {"secret_file": "jotary.secret"}
    names = [name for name in Settings.__struct_fields__ if name not in {*SECRETS, "secret_file"}]
    for name in names:
        assert f"\n# {name} = " in text
    uncommented = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if line.startswith(tuple(f"# {name} =" for name in names))
    )
    Path("all.toml").write_text(uncommented + '\nsecret_file = "jotary.secret"')
    default, written = (
        load(Path(file), environ={}, folder=Path.cwd()).settings for file in ("jotary.toml", "all.toml")
    )
    assert [getattr(default, name) for name in names] == [getattr(written, name) for name in names]
    for entry in entries():
        if entry.in_file:
            assert entry.description.split()[0] in text


def test_nothing_is_overwritten(run: Run) -> None:
    """Neither the settings, nor the secret that opens the signing keys."""
    Path("jotary.toml").write_text("service_name = 'Mine'")
    outcome = run("init")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "Error: jotary.toml: is there already. Remove it first, or name another --config.\n"
    assert Path("jotary.toml").read_text() == "service_name = 'Mine'"
    assert not Path("jotary.secret").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file system that is full is Linux's")
def test_a_full_disk_leaves_no_half_of_a_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the next attempt would find it there already."""
    opened = Path.open

    def open_full(path: Path, mode: str = "r", **how: Any) -> Any:
        opened(path, mode, **how).close()
        return opened(Path("/dev/full"), "w", **how)

    with monkeypatch.context() as full:
        full.setattr(Path, "open", open_full)
        outcome = run("init")
    assert (outcome.code, outcome.out, "No space left" in outcome.err) == (1, "", True)
    assert not Path("jotary.toml").exists()
    assert run("init").code == 0


def test_a_secret_that_is_there_is_kept(run: Run) -> None:
    """One that `jotary serve` made before."""
    Path("jotary.secret").write_text("a secret of before, which is long enough")
    outcome = run("init", "--config", "other.toml")
    assert "Kept jotary.secret, which was there." in outcome.out
    assert Path("jotary.secret").read_text() == "a secret of before, which is long enough"
    assert Path("other.toml").exists()


def test_a_wrong_issuer_is_refused_before_anything_is_written(run: Run, tmp_path: Path) -> None:
    """The rules of the server itself."""
    outcome = run("init", "--issuer", "http://id.example.com")
    assert (outcome.code, outcome.err) == (
        1,
        "Error: issuer: uses http. Use https; http is for 127.0.0.1, [::1] and localhost only.\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(run: Run) -> None:
    """In one line."""
    assert (
        run("init", "--config", "missing/jotary.toml").err == "Error: missing/jotary.toml: No such file or directory.\n"
    )
