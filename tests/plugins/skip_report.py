"""A test that did not run is said loudly at the end of the run, and fails it where JOTARY_NO_SKIPS=1 (CI).

Loaded through `addopts` in pyproject.toml. With pytest-xdist the hooks act in the controlling process only, which
receives the reports of every worker.
"""

import os
from collections import Counter
from collections.abc import Generator

import pytest
from _pytest.terminal import TerminalReporter

NO_SKIPS = "JOTARY_NO_SKIPS"


def reasons(reporter: TerminalReporter) -> Counter[str]:
    """Why tests were skipped or expected to fail, with how many for each reason."""
    outcomes = [*reporter.stats.get("skipped", []), *reporter.stats.get("xfailed", [])]
    return Counter(_reason(report) for report in outcomes)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):  # a skip: (file, line, "Skipped: why")
        return report.longrepr[2].removeprefix("Skipped: ")
    return getattr(report, "wasxfail", "") or "no reason given"


def _skips_are_forbidden() -> bool:
    return os.environ.get(NO_SKIPS, "") not in {"", "0"}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run that passed with skips into a failure where skips are forbidden."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, TerminalReporter):
        return
    if _skips_are_forbidden() and session.exitstatus == pytest.ExitCode.OK and reasons(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: after pytest's own summary
def pytest_terminal_summary(terminalreporter: TerminalReporter) -> Generator[None, None, None]:
    """Write the banner, just above pytest's closing line."""
    yield
    skipped = reasons(terminalreporter)
    if not skipped:
        return
    terminalreporter.write_sep("!", f"NOT TESTED: {skipped.total()} tests did not run", red=True, bold=True)
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"  {count:4} x {reason}", yellow=True)
    if _skips_are_forbidden():
        terminalreporter.write_line(f"{NO_SKIPS} is set, so this run has failed.", red=True, bold=True)
