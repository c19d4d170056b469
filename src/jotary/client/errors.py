"""What can go wrong between a client and its issuer. No text here ever holds a token, a code or a secret."""

import re

# RFC 6749 appendix A.7 and A.8: what `error` and `error_description` may consist of; the lengths are ours.
_ERROR = re.compile(r"[ !#-\[\]-~]{1,64}")
_DESCRIPTION = re.compile(r"[ !#-\[\]-~]{1,512}")


class ClientError(Exception):
    """The root of everything that this package raises on purpose."""


class IssuerError(ClientError):
    """The issuer refused, in the standard's words (RFC 6749 §4.1.2.1, §5.2).

    Args:
        error: the registered error code, such as `invalid_grant`.
        description: the issuer's `error_description`; on the front channel anybody may have written it, so it is for
            the log and never for a page.
        status: the HTTP status of a direct answer; None on the front channel.
    """

    def __init__(self, error: str, description: str | None = None, *, status: int | None = None) -> None:
        super().__init__(f"the issuer answered {error}" + (f": {description}" if description else ""))
        self.error = error
        self.description = description
        self.status = status


class ProtocolError(ClientError):
    """An answer that the standards do not allow, so nothing in it is used. The text says what to look at."""


class UnavailableError(ClientError):
    """No usable answer now: the network failed, time ran out, or the issuer is overloaded.

    Args:
        hint: what was tried.
        retry_after: seconds after which it is worth trying again.
    """

    def __init__(self, hint: str, *, retry_after: int = 5) -> None:
        super().__init__(hint)
        self.retry_after = retry_after


def issuer_refusal(error: object, description: object, *, status: int | None) -> IssuerError | ProtocolError:
    """The exception for an error that the issuer sent, on either channel; a malformed description is dropped."""
    if not isinstance(error, str) or not _ERROR.fullmatch(error):
        return ProtocolError("the issuer's error answer has no valid error code")
    if not isinstance(description, str) or not _DESCRIPTION.fullmatch(description):
        description = None
    return IssuerError(error, description, status=status)
