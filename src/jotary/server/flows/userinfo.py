"""The userinfo endpoint (OIDC Core §5.3): what a client may know about the person.

It accepts every access token of this server that has the scope `openid`, whatever its audience. The token is checked
by who signed it, for claims that its own scopes name, so an API to which a client has sent such a token learns at most
what the person has let the client know; the audience keeps the API from using it at another API, as before. Putting the
issuer into every audience instead would only blur what `aud` says.
"""

from dataclasses import dataclass
from typing import Any

from jotary.oauth.bearer import parse_bearer
from jotary.oauth.challenge import www_authenticate
from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters
from jotary.server.flows.own_access_token import Standing, StandingStore, read_access_token, standing
from jotary.server.flows.profile import OPENID, profile_claims
from jotary.server.ports import Signer
from jotary.server.settings import Settings
from jotary.tokens.errors import TokenError


class TokenMissingError(OAuthError):
    """No token at all: the answer says how to bring one, and nothing else (RFC 6750 §3.1)."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_token", "No access token.", status=401, headers={"WWW-Authenticate": www_authenticate()}
        )

    def body(self) -> dict[str, str]:
        """Nothing: a request without a token gets no error code."""
        return {}


def describe_person(found: Standing | None) -> dict[str, Any]:
    """The claims that the token's scopes allow (OIDC Core §5.3.2, §5.4).

    Raises:
        OAuthError: invalid_token (401) if the token does not stand; insufficient_scope (403) without `openid`.
    """
    if found is None:
        raise _refusal("invalid_token", "The access token is not valid any more.", status=401)
    if found.user is None or OPENID not in found.token.scopes:
        raise _refusal("insufficient_scope", "The access token has not the scope openid.", status=403, scope=OPENID)
    return {"sub": found.user.id, **profile_claims(found.user, found.token.scopes)}


def _refusal(error: str, description: str, *, status: int, hint: str | None = None, **more: str) -> OAuthError:
    """An error with its challenge (RFC 6750 §3)."""
    refusal = OAuthError(error, description, hint=hint, status=status)
    challenge = www_authenticate(error=error, error_description=refusal.error_description, **more)
    return OAuthError(error, description, hint=hint, status=status, headers={"WWW-Authenticate": challenge})


def challenged(error: OAuthError) -> OAuthError:
    """The refusal of a request that could not be read, as this endpoint says it: with a challenge (RFC 6750 §3)."""
    challenge = www_authenticate(error=error.error, error_description=error.error_description)
    headers = {**error.headers, "WWW-Authenticate": challenge}
    return OAuthError(error.error, error.description, hint=error.hint, status=error.status, headers=headers)


@dataclass(frozen=True, slots=True)
class UserinfoEndpoint:
    """Answers userinfo requests.

    Args:
        store: what tokens hang on.
        signer: whose public keys tell our own access tokens.
        settings: issuer and leeway.
    """

    store: StandingStore
    signer: Signer
    settings: Settings

    async def __call__(self, authorization: str | None, form: Parameters | None = None, *, now: int) -> dict[str, Any]:
        """The claims about the person, `sub` always among them.

        Args:
            authorization: the Authorization header.
            form: of a POST, where the token may stand as `access_token` (RFC 6750 §2.2); never a query string.
            now: Unix seconds.

        Raises:
            OAuthError: RFC 6750 §3.1, with the challenge in its headers.
            Unavailable: nothing is known of the token.
        """
        text = _find_token(authorization, form)
        keys, settings = self.signer.public_keys(), self.settings
        try:
            token = read_access_token(text, keys, issuer=settings.issuer, now=now, leeway=settings.leeway)
        except TokenError as error:
            hint = f"{error.claim}: {error.hint}."
            raise _refusal("invalid_token", "The access token is not valid.", status=401, hint=hint) from error
        return describe_person(await standing(token, self.store, now=now))


def _find_token(authorization: str | None, form: Parameters | None) -> str:
    try:
        in_header = parse_bearer(authorization)
        in_form = None if form is None else form.get("access_token")
    except OAuthError as error:
        raise challenged(error) from error
    if in_header is not None and in_form is not None:  # RFC 6750 §2
        raise _refusal("invalid_request", "The access token was sent twice.", status=400)
    text = in_header or in_form
    if text is None:
        raise TokenMissingError
    return text
