"""What a client asks at `/authorize`, and the one list of checks that it must pass.

RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1, RFC 7636, RFC 8707, RFC 9700.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec

from jotary.oauth import pkce
from jotary.oauth.errors import (
    OAuthError,
    invalid_request,
    invalid_scope,
    invalid_target,
    request_not_supported,
    request_uri_not_supported,
    unauthorized_client,
    unsupported_response_type,
)
from jotary.oauth.parameters import Parameters
from jotary.oauth.redirect_uri import matches
from jotary.oauth.resource import check_resource
from jotary.oauth.scope import parse_scope
from jotary.server.flows.narrowing import OFFLINE_ACCESS, heeded_scopes
from jotary.server.flows.profile import OPENID
from jotary.server.flows.response_mode import ResponseMode, check_response_mode, response_mode
from jotary.server.model.client import Client

#: Bytes of the whole request, as a query string or a form body. It must fit into a redirect's `Location`.
MAX_REQUEST_SIZE: Final = 8_192
#: Characters of values that a client chooses freely and that are kept or sent back. RFC 6749 sets no bounds.
MAX_STATE_LENGTH: Final = 2_048
MAX_NONCE_LENGTH: Final = 512
MAX_LOGIN_HINT_LENGTH: Final = 254

PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})  # OIDC Core §3.1.2.1
#: Scopes that are given only to who asks for them by name; the others are the default of a request without `scope`.
ASKED_BY_NAME: Final = frozenset({OPENID, OFFLINE_ACCESS})

_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that passed every check. Only `read_request` makes one."""

    client: Client
    redirect_uri: str
    state: str | None
    response_mode: ResponseMode
    scopes: tuple[str, ...]
    resources: tuple[str, ...]  # those named, or else all of the client's (RFC 8707 §2)
    code_challenge: str
    nonce: str | None
    prompts: frozenset[str]
    max_age: int | None  # seconds
    login_hint: str | None
    id_token_hint: str | None


class ErrorPage(msgspec.Struct, frozen=True):
    """Show the error to the person: nobody has proved where else it may go."""

    error: OAuthError


class RedirectError(msgspec.Struct, frozen=True):
    """Send the error to the client's proved redirect URI (RFC 6749 §4.1.2.1)."""

    redirect_uri: str
    state: str | None
    response_mode: ResponseMode
    error: OAuthError


class Refusal(Enum):
    """Where the refusal of a check goes."""

    PAGE = "page"
    REDIRECT = "redirect"


Check = Callable[[Parameters, Client], None]


def read_request(parameters: Parameters, client: Client | None) -> AuthorizationRequest | ErrorPage | RedirectError:
    """Check a request against the client that it names; the first check that fails decides.

    Args:
        parameters: the query string of a GET or the form of a POST (RFC 6749 §3.1).
        client: the registered client that `client_id` names, if there is one.
    """
    if client is None:  # before anything else: without a client there is nothing to check against
        return ErrorPage(unknown_client())
    for check, refusal in ORDER:
        try:
            check(parameters, client)
        except OAuthError as error:
            if refusal is Refusal.PAGE:
                return ErrorPage(error)
            redirect_uri, mode = parameters.require("redirect_uri"), response_mode(parameters)
            return RedirectError(redirect_uri, _state(parameters), mode, error)
    return _build(parameters, client)


def unknown_client() -> OAuthError:
    """`client_id` is missing, repeated, or names nobody: all one to the person who sees the page."""
    return OAuthError(
        "invalid_client",
        "The application that sent you here is not known.",
        hint="Check client_id: it must be sent once and be registered with this server.",
    )


def _redirect_uri_is_registered(parameters: Parameters, client: Client) -> None:
    """Required even of a client with a single one (RFC 9700 §4.1.3, OIDC Core §3.1.2.1)."""
    redirect_uri = parameters.require("redirect_uri")
    if not matches(redirect_uri, client.redirect_uris, client_type=client.type):
        raise invalid_request(
            "The address to return to is not registered for this application.",
            hint="Register redirect_uri for the client, character by character as it is sent.",
        )


def _state_can_be_echoed(parameters: Parameters, _client: Client) -> None:
    state = parameters.get("state")
    if state is not None and len(state) > MAX_STATE_LENGTH:
        raise invalid_request("The state is too long.", hint=f"Send at most {MAX_STATE_LENGTH} characters.")


def _nothing_is_repeated(parameters: Parameters, _client: Client) -> None:
    parameters.refuse_repeated(but={"resource"})  # RFC 6749 §3.1, RFC 8707 §2


def _no_control_characters(parameters: Parameters, _client: Client) -> None:
    if any(_CONTROL.search(value) for _, value in parameters.pairs()):
        raise invalid_request("A parameter holds a control character.")


def _no_request_object(parameters: Parameters, _client: Client) -> None:
    if "request" in parameters:
        raise request_not_supported()
    if "request_uri" in parameters:
        raise request_uri_not_supported()


def _response_is_a_code(parameters: Parameters, _client: Client) -> None:
    if parameters.require("response_type") != "code":
        raise unsupported_response_type(hint="Use the authorization code flow.")
    check_response_mode(parameters)


def _client_may_use_codes(_parameters: Parameters, client: Client) -> None:
    if "authorization_code" not in client.grant_types:
        raise unauthorized_client("The client may not use authorization codes.")


def _pkce_is_used(parameters: Parameters, _client: Client) -> None:
    """Of confidential clients too: it also stops code injection (RFC 9700 §2.1.1)."""
    if "code_challenge" not in parameters:
        raise invalid_request("PKCE is required.", hint="Send code_challenge and code_challenge_method=S256.")
    if parameters.get("code_challenge_method") != "S256":  # left out it means plain (RFC 7636 §4.3)
        raise invalid_request("Only PKCE with S256 is supported.", hint="Send code_challenge_method=S256.")
    pkce.check_challenge(parameters.require("code_challenge"))


def _scope_is_the_clients(parameters: Parameters, client: Client) -> None:
    scopes = _scopes(parameters, client)
    if not scopes:
        raise invalid_scope("The request has no scope.", hint="Send scope.")
    if not set(scopes) <= set(client.scopes):
        raise invalid_scope("The client may not ask for this scope.", hint="Register the scope for the client.")


def _resource_is_the_clients(parameters: Parameters, client: Client) -> None:
    for resource in parameters.all("resource"):
        if check_resource(resource) not in client.audiences:
            raise invalid_target(
                "The client may not ask for tokens for this resource.", hint="Register the audience for the client."
            )


def _prompt_is_known(parameters: Parameters, _client: Client) -> None:
    prompts = _words(parameters.get("prompt"))
    if not prompts <= PROMPTS:
        raise invalid_request("The prompt is not supported.", hint=f"Send one of: {', '.join(sorted(PROMPTS))}.")
    if "none" in prompts and len(prompts) > 1:  # OIDC Core §3.1.2.1
        raise invalid_request("The prompt contradicts itself.", hint="Send prompt=none alone.")


def _hints_are_well_formed(parameters: Parameters, _client: Client) -> None:
    max_age = parameters.get("max_age")
    if max_age is not None and not _SECONDS.fullmatch(max_age):
        raise invalid_request("The max_age is malformed.", hint="Send a whole number of seconds.")
    if len(parameters.get("nonce") or "") > MAX_NONCE_LENGTH:
        raise invalid_request("The nonce is too long.", hint=f"Send at most {MAX_NONCE_LENGTH} characters.")


#: The order of the checks. What stands higher is proved for everything below it.
ORDER: Final[tuple[tuple[Check, Refusal], ...]] = (
    # Where may an answer go? Until this is proved a refusal is a page: redirecting to an address that an attacker chose
    # would make this server an open redirector and hand errors, and with them `state`, to a stranger (RFC 9700 §4.11).
    (_redirect_uri_is_registered, Refusal.PAGE),
    # How is it answered? Every refusal below echoes `state`, so `state` must be sound before there are any.
    (_state_can_be_echoed, Refusal.REDIRECT),
    # Is the request one request? A repeated parameter would mean one thing to this server and another to a proxy, and
    # a request object would replace the parameters that are checked below.
    (_nothing_is_repeated, Refusal.REDIRECT),
    (_no_control_characters, Refusal.REDIRECT),
    (_no_request_object, Refusal.REDIRECT),
    # Is it a flow that this server and this client speak at all? Then its protection, before what it asks for.
    (_response_is_a_code, Refusal.REDIRECT),
    (_client_may_use_codes, Refusal.REDIRECT),
    (_pkce_is_used, Refusal.REDIRECT),
    # What does it ask for?
    (_scope_is_the_clients, Refusal.REDIRECT),
    (_resource_is_the_clients, Refusal.REDIRECT),
    # How shall the person be asked? Last, for only a request that can be granted is worth a person's attention.
    (_prompt_is_known, Refusal.REDIRECT),
    (_hints_are_well_formed, Refusal.REDIRECT),
)


def _build(parameters: Parameters, client: Client) -> AuthorizationRequest:
    """The record of a request that passed; what is not read here is ignored (RFC 6749 §3.1), `ui_locales` among it."""
    max_age = parameters.get("max_age")
    login_hint = parameters.get("login_hint")
    return AuthorizationRequest(
        client=client,
        redirect_uri=parameters.require("redirect_uri"),
        state=parameters.get("state"),
        response_mode=response_mode(parameters),
        scopes=_scopes(parameters, client),
        resources=tuple(dict.fromkeys(parameters.all("resource"))) or client.audiences,
        code_challenge=parameters.require("code_challenge"),
        nonce=parameters.get("nonce"),
        prompts=_words(parameters.get("prompt")),
        max_age=None if max_age is None else int(max_age),
        login_hint=login_hint if login_hint and len(login_hint) <= MAX_LOGIN_HINT_LENGTH else None,
        id_token_hint=parameters.get("id_token_hint"),
    )


def _scopes(parameters: Parameters, client: Client) -> tuple[str, ...]:
    """What the request asks for, without what is ignored."""
    asked = heeded_scopes(parse_scope(parameters.get("scope")), client.scopes)
    return asked or _default_scopes(client)


def _default_scopes(client: Client) -> tuple[str, ...]:
    """What a request without `scope` asks for (RFC 6749 §3.3)."""
    return tuple(scope for scope in client.scopes if scope not in ASKED_BY_NAME)


def _state(parameters: Parameters) -> str | None:
    """The state to echo in a refusal; one that is itself refused is not echoed."""
    values = parameters.all("state")
    if len(values) != 1 or len(values[0]) > MAX_STATE_LENGTH:
        return None
    # RFC 6749 Appendix A.5 has none of these in a state; a browser that sends a form makes other line ends of some.
    return None if _CONTROL.search(values[0]) else values[0]


def _words(text: str | None) -> frozenset[str]:
    return frozenset((text or "").split())
