"""An answer to a client as a form that the browser sends on by itself (OAuth 2.0 Form Post Response Mode §2).

The one page with a script inside: its policy names that script by its digest, so that nothing else runs in a page that
holds a code, whatever somebody brings into it.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from jotary.server.web.headers import Script
from jotary.server.web.pages import Pages

# The button goes before the form does: pressed while the client still answers, it would send the code again, and a code
# that comes twice ends the session (RFC 6749 §4.1.2). Without a script it is how the form is sent.
_SCRIPT: Final = "const form = document.forms[0]; form.querySelector(`button`).hidden = true; form.submit();"
_POLICY: Final = Script(f"'sha256-{b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'")


def form_post(pages: Pages, redirect_uri: str, parameters: Mapping[str, str], *, destination: str) -> Response:
    """The page whose form goes to the client.

    Args:
        pages: render it.
        redirect_uri: http or https; its query stays.
        parameters: of the answer, by names that are ours alone: a field called `submit` would hide the form's method.
        destination: what to call the client's place to a person.
    """
    response = pages.page(
        "form_post",
        form_action="anywhere",  # docs/decisions/0004: the client may redirect on
        script=_POLICY,
        redirect_uri=redirect_uri,
        parameters=parameters,
        destination=destination,
        script_text=_SCRIPT,
    )
    # With a page's usual `same-origin` the form would come with `Origin: null` (Fetch, "append a request Origin
    # header"), which a client could not tell from a stranger's. What stands behind the origin still stays here.
    response.headers["Referrer-Policy"] = "origin"
    return response
