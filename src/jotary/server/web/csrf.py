"""Whether a form was sent by our own page in this browser. Pure: header and cookie values in, yes or no out."""

import hashlib
import hmac
from dataclasses import dataclass

from jotary.jose import base64url
from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret


class NotOurFormError(OAuthError):
    """The form did not come from our page in this browser, or the page is out of date.

    Args:
        detail: for the operator: which check failed.
        again: where the person gets the form anew, relative to the issuer.
    """

    def __init__(self, detail: str, *, again: str) -> None:
        super().__init__("invalid_request", "The form is not valid any more.", status=403, detail=detail)
        self.again = again


@dataclass(frozen=True, slots=True)
class CSRF:
    """Makes and checks the tokens in forms.

    Args:
        key: derived from the server's secret for this purpose alone.
        origin: of the issuer, as browsers send it.
        accepted: keys of the same kind, from the secrets that are accepted beside it: a form that is open while the
            secret is replaced stays good.
    """

    key: bytes
    origin: str
    accepted: tuple[bytes, ...] = ()

    def token(self, browser: Secret, sign_in: Secret | None) -> str:
        """The token for forms in this browser while it is signed in as it is (a keyed double-submit cookie).

        With every sign-in and sign-out it becomes another one, so that nobody answers a question for somebody else.
        """
        return _token(self.key, browser, sign_in)

    def fits(self, token: str | None, browser: Secret | None, sign_in: Secret | None) -> bool:
        """Whether the token is this browser's, in constant time."""
        if token is None or browser is None:
            return False
        given = token.encode()
        return any(
            hmac.compare_digest(given, _token(key, browser, sign_in).encode()) for key in (self.key, *self.accepted)
        )

    def is_own_page(self, *, sec_fetch_site: str | None, origin: str | None) -> bool:
        """Whether the browser says that one of our own pages sent the form.

        Sec-Fetch-Site decides where it is sent, then Origin; of a browser that sends neither only the token speaks.
        """
        if sec_fetch_site is not None:
            return sec_fetch_site == "same-origin"
        return origin is None or origin == self.origin


def _token(key: bytes, browser: Secret, sign_in: Secret | None) -> str:
    message = f"{browser.reveal()}|{sign_in.reveal() if sign_in else ''}"
    return base64url.encode(hmac.digest(key, message.encode(), hashlib.sha256))
