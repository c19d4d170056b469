"""What is noted and logged of a refusal, wherever it is answered."""

from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from jotary.oauth.errors import OAuthError
from jotary.server.model.request_notes import REFUSAL, ROUTE

#: Nothing that anybody has to look into: strangers try paths and methods all day.
_USUAL: Final = frozenset({404, 405})

log = structlog.get_logger("jotary.web")


def note_refusal(scope: MutableMapping[str, Any], error: OAuthError) -> None:
    """Tell the operator of a refusal; never of the query, the form or the path as sent, which may hold secrets."""
    scope[REFUSAL] = error
    say = log.debug if error.status in _USUAL else log.info
    known = {"reason": error.description, "hint": error.hint, "detail": error.detail}
    say(
        "refused",
        path=scope.get(ROUTE),
        error=error.error,
        status=error.status,
        **{name: text for name, text in known.items() if text is not None},
    )
