"""What stands in deploy/ fits what it deploys: settings, options and paths are those that there are."""

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner

from jotary.cli.serve import serve
from jotary.server.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "jotary"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
SETTINGS = {field.name for field in msgspec.structs.fields(Settings)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_every_variable_is_a_setting(file: Path) -> None:
    """A misspelled one would be refused at the first start, or worse, ignored."""
    variables = set(re.findall(r"\bJOTARY_([A-Z_]+)\b", file.read_text(encoding="utf-8"))) - {"PORT"}
    assert {variable.lower() for variable in variables} <= SETTINGS


@pytest.mark.parametrize(
    "command",
    [
        shlex.split(re.findall(r"ExecStart=\S+ (.*)", (DEPLOY / "systemd" / "jotary.service").read_text())[0]),
        msgspec.json.decode(re.findall(r"CMD (\[\"serve.*)", (DEPLOY / "docker" / "Dockerfile").read_text())[0]),
    ],
    ids=["systemd", "Dockerfile"],
)
def test_every_option_is_one_of_serve(command: list[str]) -> None:
    """`jotary serve --help` knows them all."""
    shown = CliRunner().invoke(serve, ["--help"]).output
    assert command[0] == "serve"
    assert {option for option in command if option.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown))


def test_what_the_image_copies_is_there() -> None:
    """And no ignore file keeps it out."""
    script = (DEPLOY / "docker" / "Dockerfile").read_text()
    sources = [
        name for line in re.findall(r"^COPY (?!--from)(.*)$", script, re.MULTILINE) for name in line.split()[:-1]
    ]
    allowed = [line.removeprefix("!") for line in (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().split()]
    assert len(sources) > 4
    for name in sources:
        assert (ROOT / name).exists()
        assert Path(name).parts[0] in allowed


def test_the_image_runs_as_nobody_of_importance() -> None:
    """A user without a name's rights, in every way to run it."""
    script = (DEPLOY / "docker" / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", script, re.MULTILINE) == ["10001:10001"]
    chart = (CHART / "templates" / "deployment.yaml").read_text()
    assert "runAsNonRoot: true" in chart
    assert "runAsUser: 10001" in chart
    assert "User=jotary" in (DEPLOY / "systemd" / "jotary.service").read_text()


def test_the_service_manager_never_gives_up() -> None:
    """systemd.unit(5): five starts in ten seconds are too many by default, and then nobody starts it any more."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(DEPLOY / "systemd" / "jotary.service")
    assert (unit["Unit"]["StartLimitIntervalSec"], unit["Service"]["Restart"]) == ("0", "on-failure")


def test_the_service_may_call_what_the_server_calls() -> None:
    """setpriority(2), which systemd counts among @resources; any other refused call fails instead of killing it."""
    unit = (DEPLOY / "systemd" / "jotary.service").read_text()
    refused, *allowed_again = re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE)[1:]
    assert "@resources" in refused
    assert "setpriority" in allowed_again
    assert re.findall(r"^SystemCallErrorNumber=(.*)$", unit, re.MULTILINE) == ["EPERM"]


def test_the_compose_file_gives_every_secret_that_a_service_takes() -> None:
    """As files, which neither an inspection of the container nor its children's environments show."""
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    for service in compose["services"].values():
        assert set(service["secrets"]) <= set(compose["secrets"])
        named = [value for value in service["environment"].values() if value.startswith("/run/secrets/")]
        assert {Path(value).name for value in named} == set(service["secrets"])


def test_every_value_that_the_chart_reads_is_documented() -> None:
    """In values.yaml, with its default."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    read = {
        name
        for template in (CHART / "templates").iterdir()
        for name in re.findall(r"\.Values\.([A-Za-z.]+)", template.read_text())
    }
    assert len(read) > 15
    for name in read:
        found: Any = values
        for part in name.split("."):
            assert part in found, name
            found = found[part]
    assert set(values) == {name.split(".")[0] for name in read}


def test_the_probes_ask_what_the_server_answers() -> None:
    """Liveness asks nothing of the database: a restart does not bring that back."""
    chart = (CHART / "templates" / "deployment.yaml").read_text()
    probes = dict(re.findall(r"(\w+)Probe:\n\s+httpGet: \{path: (\S+), port: http\}", chart))
    assert probes == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}
