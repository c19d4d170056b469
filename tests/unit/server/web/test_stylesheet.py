"""The stylesheet can be read by everybody (WCAG 2.2, 1.4.3 and 1.4.11) and asks for nothing from elsewhere."""

import re
from pathlib import Path

import pytest

import jotary.server.web

STYLESHEET = (Path(jotary.server.web.__file__).parent / "static" / "jotary.css").read_text()
_LIGHT, _DARK = re.findall(r":root \{(.*?)\}", STYLESHEET, re.DOTALL)


def colours(block: str) -> dict[str, str]:
    """The custom properties that are colours."""
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))


SCHEMES = {"light": colours(_LIGHT), "dark": {**colours(_LIGHT), **colours(_DARK)}}
TEXT = [
    ("ink", "paper"),
    ("ink", "sheet"),
    ("ink", "wrong-tint"),
    ("ink", "line"),
    ("soft", "paper"),
    ("soft", "sheet"),
    ("accent", "paper"),
    ("accent-strong", "paper"),
    ("wrong", "paper"),
    ("wrong", "sheet"),
    ("right", "sheet"),
    ("right", "paper"),
    ("ink", "right-tint"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
]
PARTS = [
    ("right", "right-tint"),
    ("edge", "paper"),
    ("edge", "sheet"),
    ("accent", "paper"),
    ("accent", "sheet"),
    ("wrong", "sheet"),
]


def luminance(colour: str) -> float:
    """WCAG 2.2's relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """WCAG 2.2's contrast ratio."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    """WCAG 1.4.3: 4.5 to 1."""
    assert contrast(SCHEMES[scheme][text], SCHEMES[scheme][ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("part", "ground"), PARTS)
def test_edges_of_fields_and_the_ring_around_what_has_the_focus_stand_out(scheme: str, part: str, ground: str) -> None:
    """WCAG 1.4.11: 3 to 1."""
    assert contrast(SCHEMES[scheme][part], SCHEMES[scheme][ground]) >= 3


def test_black_on_white_is_21_to_1() -> None:
    """The measure itself (WCAG 2.2, "contrast ratio")."""
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


def test_nothing_is_asked_for_from_elsewhere() -> None:
    """The policy would block it, and it would tell others who signs in."""
    assert set(re.findall(r'url\("([^"]+)"\)', STYLESHEET)) == {"rosette.svg"}
    assert not re.search(r"@import|https?:|//[a-z]", STYLESHEET)


def test_who_wants_no_motion_gets_none() -> None:
    """WCAG 2.3.3."""
    assert "prefers-reduced-motion: reduce" in STYLESHEET
