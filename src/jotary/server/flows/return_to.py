"""Where a person goes after signing in: always a page of this server, so no link can send them elsewhere."""

import re
from typing import Final

from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters, parse_form
from jotary.server.flows.authorization_request import MAX_REQUEST_SIZE
from jotary.server.flows.endpoints import CHANGE_PASSWORD

HOME: Final = "/"
#: Our own pages that need somebody who is signed in.
_PAGES: Final = frozenset({HOME, CHANGE_PASSWORD})
_AUTHORIZE: Final = "/authorize?"
# Printable ASCII without '#' and '\': behind `/authorize?` none of these can begin another host or another header.
_QUERY: Final = re.compile(r"[!\"$-\[\]-~]+")
_LOOPING: Final = frozenset({"login", "select_account"})


def check_return_to(text: str | None) -> str:
    """The path if it is one that this server made: a page, or an authorization request. Anything else becomes home.

    The path is relative to the issuer.
    """
    if text in _PAGES:
        return text
    if text is None or not text.startswith(_AUTHORIZE):
        return HOME
    query = text.removeprefix(_AUTHORIZE)
    return text if _QUERY.fullmatch(query) and _is_readable(query) else HOME


def _is_readable(query: str) -> bool:
    try:
        parse_form(query, limit=MAX_REQUEST_SIZE)
    except OAuthError:
        return False
    return True


def to_authorize(query: str) -> str:
    """The path that carries an authorization request's query string."""
    return check_return_to(f"{_AUTHORIZE}{query}")


def requested(return_to: str) -> Parameters | None:
    """The parameters of the authorization request in a checked path; None for a page."""
    return None if return_to in _PAGES else parse_form(return_to.removeprefix(_AUTHORIZE), limit=MAX_REQUEST_SIZE)


def after_sign_in(return_to: str) -> str:
    """The same request without the demand for a fresh sign-in, which has just been met: it would never end.

    Parameter by parameter, so that everything else stays as it was sent.
    """
    if return_to in _PAGES:
        return return_to
    parts = return_to.removeprefix(_AUTHORIZE).split("&")
    return _AUTHORIZE + "&".join(kept for part in parts if (kept := _without_demand(part)) is not None)


def _without_demand(part: str) -> str | None:
    """One `name=value` of the query as it remains, or None."""
    parameters = parse_form(part)
    if "max_age" in parameters:
        return None
    if "prompt" not in parameters:
        return part
    prompts = [prompt for prompt in (parameters.get("prompt") or "").split() if prompt not in _LOOPING]
    return "prompt=" + "%20".join(prompts) if prompts else None
