"""Answers of our own: refusals for programs (RFC 9457) and for people, in fixed text, and redirects. None is stored."""

import html
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from jotary.jose import strict_json

NO_STORE: Final = {"Cache-Control": "no-store"}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="{link}">{link_text}</a></p>
</html>
"""


def redirect(url: str) -> Response:
    """Send the browser on, by GET, to an address that is encoded already and stays as it is."""
    return Response(status_code=303, headers={**NO_STORE, "Location": url, "Referrer-Policy": "no-referrer"})


def with_cookies(response: Response, set_cookies: Iterable[str]) -> Response:
    """The answer with Set-Cookie headers added."""
    for set_cookie in set_cookies:
        response.headers.append("Set-Cookie", set_cookie)
    return response


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """An `application/problem+json` answer; `detail` is shown to whoever sent the request."""
    members = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(
        strict_json.dumps(members),
        status_code=status,
        media_type="application/problem+json",
        headers={**NO_STORE, "X-Content-Type-Options": "nosniff", **(headers or {})},
    )


def page(status: int, title: str, text: str, *, link: str, link_text: str) -> Response:
    """A page for the person who was sent here by a redirect, with the one thing to do next."""
    values = {"title": title, "text": text, "link": link, "link_text": link_text}
    return Response(
        _PAGE.format(**{name: html.escape(value) for name, value in values.items()}),
        status_code=status,
        media_type="text/html",
        headers={
            **NO_STORE,
            "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )
