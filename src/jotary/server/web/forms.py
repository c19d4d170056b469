"""The forms on our own pages: a token goes out with each, and no form is read without it."""

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from jotary.jose import base64url
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.server.ports import Entropy
from jotary.server.web.cookies import BROWSER, SIGN_IN, read_cookie, set_cookie
from jotary.server.web.csrf import CSRF, NotOurFormError
from jotary.server.web.pages import Pages

_BROWSER_ENTROPY: Final = 32  # bytes
TOKEN: Final = "csrf_token"  # noqa: S105 -- the name of a field, no secret


@dataclass(frozen=True, slots=True)
class Forms:
    """Pages with forms out, forms in."""

    pages: Pages
    csrf: CSRF
    entropy: Entropy

    def page(self, request: Request, template: str, **words: Any) -> Response:
        """A page whose forms carry this browser's token; `words` as for `Pages.page`."""
        known = read_cookie(request, BROWSER)
        browser = known or Secret(base64url.encode(self.entropy(_BROWSER_ENTROPY)))
        token = self.csrf.token(browser, read_cookie(request, SIGN_IN))
        response = self.pages.page(template, csrf_token=token, **words)
        if known is None:
            set_cookie(response, BROWSER, browser)
        return response

    def check(self, request: Request, form: Parameters, *, again: str) -> None:
        """Refuse a form that none of our pages sent.

        Args:
            request: whose headers and cookies tell where the form is from.
            form: the form.
            again: where the person gets it anew, relative to the issuer.

        Raises:
            NotOurFormError: another site sent it, or its token is not this browser's.
        """
        headers = request.headers
        if not self.csrf.is_own_page(sec_fetch_site=headers.get("sec-fetch-site"), origin=headers.get("origin")):
            raise NotOurFormError("another site sent the form", again=again)
        tokens = form.all(TOKEN)
        token = tokens[0] if len(tokens) == 1 else None
        if not self.csrf.fits(token, read_cookie(request, BROWSER), read_cookie(request, SIGN_IN)):
            raise NotOurFormError("the form's token is missing or not this browser's", again=again)


def typed(form: Parameters, name: str) -> str:
    """What somebody typed into a field, without the white space around it; "" for nothing."""
    return (form.get(name) or "").strip()
