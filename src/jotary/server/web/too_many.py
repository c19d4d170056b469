"""What somebody is told who is held off for a while (RFC 6585 §4)."""

from starlette.responses import Response

from jotary.server.flows.limits.limit import TooMany

_MINUTE = 60


def when_again(too_many: TooMany) -> str:
    """A sentence that says when to come back."""
    seconds = too_many.retry_after
    if seconds <= _MINUTE:
        return f"Try again in {seconds} second{'s' if seconds > 1 else ''}."
    return f"Try again in {-(-seconds // _MINUTE)} minutes."


def told_when(too_many: TooMany, page: Response) -> Response:
    """The page as the answer 429, which says the same to programs."""
    page.status_code = 429
    page.headers["Retry-After"] = str(too_many.retry_after)
    return page
