"""What one step of the story did and whether it went as it must."""

from typing import Any

import httpx2
import msgspec


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the story."""

    sent: str
    answered: str
    why: str
    is_as_expected: bool


def accepted(sent: str, response: httpx2.Response, *, status: int = 200, why: str) -> Report:
    """A step whose request must be answered with this status."""
    return Report(sent=sent, answered=_status(response), why=why, is_as_expected=response.status_code == status)


def refused(sent: str, response: httpx2.Response, *, status: int, error: str, names: str = "") -> Report:
    """A step whose request must be refused with this status and error code, for a reason that names something.

    The reason shown is the one that the server gave.
    """
    body = _members(response)
    why = str(body.get("error_description") or body.get("detail") or "")
    fits = response.status_code == status and body.get("error", error) == error and names in why
    return Report(
        sent=sent, answered=f"{_status(response)} {body.get('error', '')}".strip(), why=why, is_as_expected=fits
    )


def all_of(*reports: Report) -> Report:
    """Several requests as one step: the last one is shown, or the first that went wrong."""
    return next((report for report in reports if not report.is_as_expected), reports[-1])


def _members(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _status(response: httpx2.Response) -> str:
    return str(response.status_code)
