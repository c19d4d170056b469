"""Turning a template and its words into an HTML answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from jotary.oauth.errors import OAuthError
from jotary.server.web.csrf import NotOurFormError
from jotary.server.web.documents import Document
from jotary.server.web.headers import REDIRECT, FormAction, Script, page_headers
from jotary.server.web.static_files import address

_TEMPLATES: Final = Path(__file__).parent / "templates"

# What an error page says, by status; any other status has the words of 400.
_WORDS: Final = {
    400: (
        "This request does not work",
        (
            "The application that sent you here asked for something that cannot be answered. Go back to it and try"
            " again. If that does not help, tell the people who run it what stands below."
        ),
    ),
    403: (
        "This form is no longer valid",
        "It was open for too long, or you have signed in or out in the meantime. Nothing has been changed.",
    ),
    404: ("There is nothing here", "The address may be mistyped, or the page has moved."),
    500: ("Something went wrong here", "It is not your fault, and the failure has been noted. Try again in a moment."),
    503: ("Too busy just now", "Nothing is lost. Try again in a few seconds."),
}
_SELF_EXPLAINING: Final = frozenset({403, 404, 500, 503})


class Pages:
    """Renders the pages of one issuer.

    Args:
        service_name: what people see this service called.
        path: the issuer's path, "" at the root of a host.
        is_https: whether the issuer is https.
        static: the static files by name.
    """

    def __init__(self, *, service_name: str, path: str, is_https: bool, static: Mapping[str, Document]) -> None:
        self._path = path
        self._is_https = is_https
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,  # a forgotten word is a failure, not a gap in a page
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            service_name=service_name,
            path=path,
            static={name: address(name, document, path=path) for name, document in static.items()},
        )

    def page(
        self,
        template: str,
        *,
        status: int = 200,
        form_action: FormAction = "self",
        script: Script | None = None,
        **words: Any,
    ) -> Response:
        """A page; `form_action` says where its forms may lead, `script` what its one script is and may fetch."""
        html = self._environment.get_template(f"{template}.html").render(words)
        headers = page_headers(form_action=form_action, is_https=self._is_https, script=script)
        return HTMLResponse(html, status, headers)

    def go(self, path: str) -> Response:
        """A redirect to a page of our own; `path` is relative to the issuer."""
        return redirect(self._path + path)

    def error(self, error: OAuthError, *, reference: str | None = None, again: str | None = None) -> Response:
        """A page for a person who can only turn back, with what their application's people need to know.

        Args:
            error: shown by its text for clients.
            reference: finds the failure in the log.
            again: where to try again, relative to the issuer.
        """
        title, explanation = _WORDS.get(error.status, _WORDS[400])
        response = self.page(
            "error",
            status=error.status,
            form_action="none",
            title=title,
            explanation=explanation,
            error=error if error.status not in _SELF_EXPLAINING else None,
            reference=reference,
            again=None if again is None else self._path + again,
        )
        response.headers.update(error.headers)
        return response


def redirect(url: str) -> Response:
    """Send the browser somewhere with a GET (RFC 9700 §4.12: never 307, which would send a password along)."""
    return RedirectResponse(url, 303, REDIRECT)


class PageFace:
    """Refusals as pages."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def refusal(self, error: OAuthError, reference: str | None) -> Response:
        """The error page; a form that is out of date can be had anew."""
        again = error.again if isinstance(error, NotOurFormError) else None
        return self._pages.error(error, reference=reference, again=again)
