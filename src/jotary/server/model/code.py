"""An authorization code between the front channel and the token endpoint (RFC 6749 §4.1.2)."""

import msgspec


class AuthorizationCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code. `id` is the base64url SHA-256 of the code itself, so a dump of the table redeems nothing."""

    id: str
    client_id: str
    user_id: str
    sign_in_id: str
    session_id: str  # of the session that its redemption opens, so that a second redemption can end it
    redirect_uri: str
    code_challenge: str  # S256 (RFC 7636); there is no other method here
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    nonce: str | None
    authenticated_at: int
    methods: tuple[str, ...] = ()
    expires_at: int
    redeemed_at: int | None = None
