"""Who is signed in and with which tokens, and the text in which a store keeps that."""

import msgspec

from jotary.client.native.errors import StoreError
from jotary.client.refresh import is_refresh_due
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret


class SignedIn(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A session on this machine. `subject` is the person's `sub` at the issuer."""

    issuer: str
    client_id: str
    subject: str
    tokens: TokenSet

    def is_due(self, now: int) -> bool:
        """Whether the access token is refreshed before it is used again. `now` in Unix seconds."""
        return is_refresh_due(obtained_at=self.tokens.obtained_at, expires_at=self.tokens.expires_at, now=now)


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies in the store. Without an ID token: it was checked, and nothing needs it again."""

    version: int
    issuer: str
    client_id: str
    subject: str
    refresh_token: str | None
    access_token: str
    scopes: tuple[str, ...]
    obtained_at: int
    expires_at: int

    def __repr__(self) -> str:
        return "<_Kept>"


def to_text(session: SignedIn, *, max_length: int | None) -> Secret:
    """The text for a store. Where it would be too long, the access token stays out: it is had again by a refresh.

    Raises:
        StoreError: it is too long even so.
    """
    tokens = session.tokens
    kept = _Kept(
        version=1,
        issuer=session.issuer,
        client_id=session.client_id,
        subject=session.subject,
        refresh_token=None if tokens.refresh_token is None else tokens.refresh_token.reveal(),
        access_token=tokens.access_token.reveal(),
        scopes=tokens.scopes,
        obtained_at=tokens.obtained_at,
        expires_at=tokens.expires_at,
    )
    text = _encode(kept)
    if max_length is not None and len(text) > max_length:
        text = _encode(msgspec.structs.replace(kept, access_token="", obtained_at=0, expires_at=0))
        if len(text) > max_length:
            raise StoreError(
                f"the session is longer than the {max_length} characters that the keychain takes",
                hint="Ask for the encrypted file: --store file, or EncryptedFileStore.",
            )
    return Secret(text)


def from_text(text: Secret, *, issuer: str, client_id: str) -> SignedIn:
    """The session in a store's text.

    Raises:
        StoreError: it is something else, or the session of another client or issuer, to whom no token of it may go.
    """
    try:
        kept = msgspec.json.decode(text.reveal(), type=_Kept)
    except (msgspec.DecodeError, UnicodeError):  # a text with a lone surrogate is not even UTF-8
        kept = None
    if kept is None or kept.version != 1 or (kept.issuer, kept.client_id) != (issuer, client_id):
        raise StoreError("what is kept here is not a session of this client at this issuer", hint="Sign in again.")
    tokens = TokenSet(
        access_token=Secret(kept.access_token),
        refresh_token=None if kept.refresh_token is None else Secret(kept.refresh_token),
        id_token=None,
        scopes=kept.scopes,
        obtained_at=kept.obtained_at,
        expires_at=kept.expires_at,
    )
    return SignedIn(issuer=kept.issuer, client_id=kept.client_id, subject=kept.subject, tokens=tokens)


def _encode(kept: _Kept) -> str:
    return msgspec.json.encode(kept).decode()
