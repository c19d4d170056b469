"""Every header that keeps an answer from being framed, sniffed, cached or leaked, in this one place."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

FormAction = Literal["none", "self", "anywhere"]

#: Of every answer that is not meant to be kept: it holds a token, a code, a person's data, or a refusal.
NO_STORE: Final[Mapping[str, str]] = MappingProxyType(
    {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}
)

#: Of a redirect: the page behind it must not learn the address that holds the request (RFC 9700 §4.2.4).
REDIRECT: Final[Mapping[str, str]] = MappingProxyType({**NO_STORE, "Referrer-Policy": "no-referrer"})

#: Of what is the same for everybody and may be shared.
PUBLIC: Final[Mapping[str, str]] = MappingProxyType(
    {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "cross-origin"}
)

#: Of endpoints that scripts of any origin may call with what they hold in their hands (RFC 9700 §2.6). Cookies have no
#: part in them: there is no Access-Control-Allow-Credentials, so a browser neither sends nor trusts any.
CORS: Final[Mapping[str, str]] = MappingProxyType(
    {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After"}
)
CORS_PREFLIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        # Swagger UI sends X-Requested-With with the code that it trades for a token.
        "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP, X-Requested-With",
        "Access-Control-Max-Age": "7200",  # seconds; the most that Chromium keeps
    }
)

_PAGE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **NO_STORE,
        "X-Frame-Options": "DENY",
        # Not no-referrer: browsers then send `Origin: null` with the page's own forms (Fetch, "append a request Origin
        # header"), which could not be told from a stranger's. To other origins this sends nothing either.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
)

# 'anywhere' leaves the directive out: Chromium holds every redirect behind a form's answer against it, so a page whose
# form may end at a client would have to name all addresses that the client itself redirects to
# (docs/decisions/0004).
_FORM_ACTION: Final[Mapping[FormAction, str]] = MappingProxyType(
    {"none": "; form-action 'none'", "self": "; form-action 'self'", "anywhere": ""}
)
_POLICY: Final = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
_TWO_YEARS: Final = 63_072_000


# No text becomes markup or script, wherever it comes from (Trusted Types): not even a fault of the script's own.
_SCRIPT_POLICY: Final = (
    "; script-src {}; connect-src {}; require-trusted-types-for 'script'; trusted-types 'none'; worker-src 'none'"
)


class Script(NamedTuple):
    """What the policy of a page with a script lets run, and what that may fetch: source expressions (CSP 3 §2.3.1)."""

    source: str
    reads: str = "'none'"


def page_headers(*, form_action: FormAction, is_https: bool, script: Script | None = None) -> dict[str, str]:
    """The headers of an HTML page.

    Args:
        form_action: where the page's forms may lead.
        is_https: whether the issuer is https, so that browsers shall never try it without.
        script: the page's own; None for a page without one.
    """
    scripted = "" if script is None else _SCRIPT_POLICY.format(*script)
    headers = {**_PAGE, "Content-Security-Policy": _POLICY + _FORM_ACTION[form_action] + scripted}
    if form_action != "anywhere":
        # On the way to a client it would cut the window off from the client's page that opened it, for good: sign-in in
        # a window of its own, as Swagger UI has it, could never report back (docs/decisions, "Windows of clients").
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if is_https:
        headers["Strict-Transport-Security"] = f"max-age={_TWO_YEARS}"
    return headers
