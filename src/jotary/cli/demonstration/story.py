"""The story of `jotary demo --check`, in order. If any step differs, the story did not hold."""

from collections.abc import Callable, Iterator
from typing import Final

from jotary.cli.demonstration import steps
from jotary.cli.demonstration.player import Player
from jotary.cli.demonstration.report import Report

Step = Callable[[Player], Report]

STORY: Final[tuple[tuple[str, Step], ...]] = (
    ("discovery", steps.discover),
    ("signed in", steps.sign_in),
    ("valid", steps.valid),
    ("no token", steps.without_token),
    ("one byte changed", steps.one_byte_changed),
    ("wrong audience", steps.wrong_audience),
    ("another issuer", steps.another_issuer),
    ("ID token", steps.id_token),
    ("expired", steps.expired),
    ("refreshed", steps.refreshed),
    ("answer lost", steps.answer_lost),
    ("stolen", steps.stolen),
    ("cut off", steps.cut_off),
    ("in the browser", steps.in_the_browser),
    ("signed out", steps.signed_out),
)


def play(player: Player) -> Iterator[tuple[str, Report]]:
    """Play the story step by step; a step that breaks is a step that differs."""
    for name, step in STORY:
        try:
            report = step(player)
        except Exception as error:  # noqa: BLE001 -- whatever broke, the story says which step it was
            report = Report(sent="", answered=type(error).__name__, why=str(error), is_as_expected=False)
        yield name, report
