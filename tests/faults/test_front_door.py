"""Slow clients and too many requests, in their short forms, each with what must turn red without its guard."""

import pytest
from faults import overload, slow_connections
from faults.fault import Control, Effort


@pytest.mark.parametrize("fault", [slow_connections, overload], ids=lambda fault: str(fault.NAME))
def test_the_server_holds(fault: "slow_connections | overload") -> None:  # type: ignore[valid-type]  # modules
    """Every figure keeps within its bound."""
    report = fault.run(Effort.SHORT)  # type: ignore[attr-defined]  # modules
    assert [figure for figure in report.figures if not figure.met] == []


@pytest.mark.parametrize("control", slow_connections.CONTROLS.values(), ids=slow_connections.CONTROLS)
def test_without_a_guard_slow_clients_are_noticed(control: Control) -> None:
    """The figure that the guard keeps is not met any more."""
    assert not slow_connections.run(Effort.SHORT, control).figure(control.reddens).met


@pytest.mark.parametrize("control", overload.CONTROLS.values(), ids=overload.CONTROLS)
def test_without_a_guard_everything_queues(control: Control) -> None:
    """The figure that the guard keeps is not met any more."""
    assert not overload.run(Effort.SHORT, control).figure(control.reddens).met
