"""Requests that another site made this browser send: told apart before the session is looked at (RFC 10017 §6.1)."""

from typing import Final

from starlette.datastructures import Headers

#: Methods that change nothing (RFC 9110 §9.2.1).
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: The header that a page of this origin adds, and that no form and no foreign page can add without asking first.
CSRF_HEADER: Final = "x-csrf"

_RUNS_AS_CODE = frozenset(
    {"script", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "style", "xslt"}
)


def refusal(method: str, headers: Headers, *, origin: str) -> str | None:
    """Why this request must not use the session, or None.

    Args:
        method: of the request.
        headers: of the request.
        origin: of this application, such as `https://app.example`.
    """
    if method in SAFE_METHODS:
        return _refuse_reading(headers)
    return _refuse_changing(headers, origin)


def _refuse_changing(headers: Headers, origin: str) -> str | None:
    site = headers.getlist("sec-fetch-site")
    # Browsers before 2023 do not send it, and send Origin with every request that is neither GET nor HEAD.
    is_own = site == ["same-origin"] if site else headers.getlist("origin") == [origin]
    if not is_own:
        return "The request does not come from a page of this application."
    if headers.getlist(CSRF_HEADER) != ["1"]:
        return "The header X-CSRF: 1 is missing; send it with every request that changes something."
    return None


def _refuse_reading(headers: Headers) -> str | None:
    if headers.get("sec-fetch-dest") in _RUNS_AS_CODE or "service-worker" in headers:
        return "What the API answers is data: it is never run as a script, a worker or a style sheet."
    site = headers.getlist("sec-fetch-site")
    if not site or site in (["same-origin"], ["none"]):
        return None
    # A link from elsewhere may be followed; no other site, and no sibling domain, may load it into its own page.
    if headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document":
        return None
    return "Another site may link to this address, and may not load it."
