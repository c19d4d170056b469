"""The plugin of pytest: an issuer, a clock, tokens, and attacks of which each is a test of its own.

pytest loads this module in every run, so nothing else of jotary is imported before a test asks for it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jotary.testing import Attack, AttackReport, FrozenClock, TestIssuer

_FIXTURE = "jotary_attacks"
_MARKER = "jotary_attacks(level=..., without=[...]): which attacks a test with the fixture of this name fires"
_PROVIDER_MARKER = (
    "jotary_provider(name, variant='', **settings): whose tokens jotary_token makes, with the settings that the API has"
)
_PROPERTY = "jotary_missing_check"  # in JUnit, and in what a worker of pytest-xdist reports


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, for pytest.ini and its like; the level also for the command line."""
    parser.addini("jotary_issuer", "issuer of the tokens that jotary_token makes", default="https://issuer.example")
    parser.addini("jotary_audience", "audience of the tokens: the API under test", default="https://api.example")
    parser.addini("jotary_algorithm", "what the tokens are signed with", default="ES256")
    parser.addini("jotary_provider", "whose tokens jotary_token makes, such as auth0; empty for jotary's", default="")
    parser.addini("jotary_level", "which attacks are fired: essential or strict", default="strict")
    parser.getgroup("jotary").addoption(
        "--jotary-level", choices=["essential", "strict"], help="which attacks are fired, instead of jotary_level"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)
    config.addinivalue_line("markers", _PROVIDER_MARKER)


@pytest.fixture
def jotary_clock() -> "FrozenClock":
    """A clock that stands at the real time at which the test began, and moves when it is told to."""
    import time  # noqa: PLC0415 -- with the one line that asks for it

    from jotary.testing import FrozenClock  # noqa: PLC0415 -- pytest loads this module in every run

    return FrozenClock(int(time.time()))  # noqa: TID251 -- a composition root: a user's tests begin here


@pytest.fixture
def jotary_issuer(
    jotary_clock: "FrozenClock", pytestconfig: pytest.Config, request: pytest.FixtureRequest
) -> "TestIssuer":
    """The issuer that the API under test must trust. Define a fixture of this name to have another one."""
    from jotary.testing import TestIssuer  # noqa: PLC0415 -- pytest loads this module in every run

    marker = request.node.get_closest_marker("jotary_provider")
    names = marker.args if marker else tuple(filter(None, [pytestconfig.getini("jotary_provider")]))
    if names:
        return TestIssuer.for_provider(*names, clock=jotary_clock, **(marker.kwargs if marker else {}))
    return TestIssuer(
        pytestconfig.getini("jotary_issuer"),
        audience=pytestconfig.getini("jotary_audience"),
        algorithm=pytestconfig.getini("jotary_algorithm"),
        clock=jotary_clock,
    )


@pytest.fixture
def jotary_token(jotary_issuer: "TestIssuer") -> Callable[..., str]:
    """Makes tokens: `jotary_token(sub="ada", scopes=["todo:read"])`, with all that `TestIssuer.token` takes.

    They are jotary's access tokens, or those of the provider that the marker or the setting `jotary_provider` names.
    """
    return jotary_issuer.token


@pytest.fixture
def jotary_attacks(request: pytest.FixtureRequest, jotary_issuer: "TestIssuer") -> Callable[..., "AttackReport"]:
    """Fires one attack at an API: `jotary_attacks(app, "/tasks", scopes=["todo:read"])`.

    The test is run once for each attack, and fails with a report that names the missing check. The arguments are those
    of `attack_api`, but for the issuer and the choice of attacks, which are there already.
    """
    from jotary.testing import attack_api  # noqa: PLC0415 -- pytest loads this module in every run

    attack: Attack = request.param
    level = _choice(request.node, request.config)["level"]

    def fire(app: Any, route: str = "/", **options: Any) -> "AttackReport":
        __tracebackhide__ = True  # the report says it all
        report = attack_api(app, route, issuer=jotary_issuer, level=level, only=[attack], **options)
        request.node.user_properties += [(_PROPERTY, check) for check in report.missing_checks]
        if report.is_set_up and not report.fired:
            pytest.skip("the route asks for no scope: leave these attacks out with without=['scope']")
        report.raise_for_findings()
        return report

    return fire


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each attack."""
    if _FIXTURE not in metafunc.fixturenames:
        return
    from jotary.testing.attacks import select  # noqa: PLC0415 -- pytest loads this module in every run

    try:
        attacks = select(**_choice(metafunc.definition, metafunc.config))
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    metafunc.parametrize(_FIXTURE, attacks, indirect=True, ids=[attack.name for attack in attacks])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the missing checks once, below all the failures."""
    missing = _missing(terminalreporter.stats.get("failed", []))
    if missing:
        terminalreporter.write_sep("=", "checks that the API lacks")
        for check, attacks in missing.items():
            terminalreporter.write_line(f"{check}: {attacks} forged requests were let in")


def _choice(item: Any, config: pytest.Config) -> dict[str, Any]:
    """Which attacks: as the marker says, or the command line, or the configuration."""
    level = config.getoption("jotary_level", None) or config.getini("jotary_level")
    marker = item.get_closest_marker(_FIXTURE)
    return {"level": level, **(marker.kwargs if marker else {})}


def _missing(reports: Iterable[Any]) -> dict[str, int]:
    counts: defaultdict[str, int] = defaultdict(int)
    for report in reports:
        for name, value in report.user_properties:
            counts[str(value)] += name == _PROPERTY
    return {check: count for check, count in counts.items() if count}
