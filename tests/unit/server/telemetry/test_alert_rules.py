"""The alerts in deploy/ and the page about observing speak of figures that there are."""

import re
from pathlib import Path
from typing import Any

import yaml

from jotary.server.telemetry.metrics.catalogue import CATALOGUE, rows

ROOT = Path(__file__).parents[4]
RULES = ROOT / "deploy" / "prometheus" / "jotary.rules.yaml"
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
SERIES = {metric.name + suffix: metric for metric in CATALOGUE for suffix in SUFFIXES[metric.kind]}


def alerts() -> list[dict[str, Any]]:
    """Every rule."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_every_series_of_a_rule_is_one_that_is_shown() -> None:
    """And every label by which it is chosen is one that it has."""
    for rule in alerts():
        for name, labels in re.findall(r"\b(jotary_\w+)(?:\{([^}]*)\})?", rule["expr"]):
            assert set(re.findall(r"(\w+)=~?\"", labels)) <= set(SERIES[name].labels), rule["alert"]


def test_every_rule_says_what_to_do() -> None:
    """A page without a runbook wakes somebody who then has to think."""
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["runbook"]) > 20
        assert set(re.findall(r"jotary_\w+", rule["annotations"]["runbook"])) <= {*SERIES, *(m.name for m in CATALOGUE)}


def test_every_alert_is_on_the_page() -> None:
    """docs/observe.md lists them, and has the table of all figures from the code."""
    page = (ROOT / "docs" / "observe.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\| `(Jotary\w+)`", page)) == {rule["alert"] for rule in alerts()}
    assert "{{ metrics }}" in page
    assert len(rows()) == len(CATALOGUE)
