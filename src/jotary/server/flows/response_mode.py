"""How an answer of `/authorize` travels to the client.

OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2.
"""

from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from jotary.oauth.errors import invalid_request
from jotary.oauth.parameters import Parameters

ResponseMode = Literal["query", "form_post"]
#: Never `fragment`: scripts read it, and browsers carry it along over redirects (RFC 9700 §4.1).
RESPONSE_MODES: Final[tuple[ResponseMode, ...]] = get_args(ResponseMode)
#: Where a form can be sent to. An app that the system opens by a scheme of its own gets an address and no body
#: (RFC 8252 §7.1), and what a browser makes of such a form no standard says (HTML, "form submission algorithm").
_POSTABLE: Final = frozenset({"https", "http"})


def check_response_mode(parameters: Parameters) -> None:
    """Refuse what is not spoken here, or not with this redirect URI.

    Raises:
        OAuthError: invalid_request.
    """
    asked = parameters.get("response_mode")
    if asked is not None and asked not in RESPONSE_MODES:
        hint = f"Send one of: {', '.join(RESPONSE_MODES)}; or leave it out."
        raise invalid_request("The response_mode is not supported.", hint=hint)
    if asked is not None and asked != response_mode(parameters):
        hint = "Send response_mode=query, or use an https address."
        raise invalid_request("The response_mode does not fit the redirect URI.", hint=hint)


def response_mode(parameters: Parameters) -> ResponseMode:
    """How any answer goes back, a refusal of `response_mode` itself among them: in the query unless a form is possible.

    Args:
        parameters: of a request whose redirect URI is proved.
    """
    asks_for_form = parameters.all("response_mode") == ("form_post",)
    return (
        "form_post" if asks_for_form and urlsplit(parameters.require("redirect_uri")).scheme in _POSTABLE else "query"
    )
