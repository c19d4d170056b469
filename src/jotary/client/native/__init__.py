"""Native applications: sign-in in the system's browser, tokens in the system's keychain (design §6.6, RFC 8252)."""

from jotary.client.bearer import BearerAuth, SessionSource
from jotary.client.errors import ClientError, IssuerError, ProtocolError, UnavailableError
from jotary.client.native.app import NativeApp
from jotary.client.native.encrypted_file import EncryptedFileStore
from jotary.client.native.errors import LoginError, NativeError, NotSignedInError, StoreError
from jotary.client.native.keychain import KeychainStore
from jotary.client.native.signed_in import SignedIn
from jotary.client.native.token_store import HeldLock, TokenStore
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret

__all__ = [
    "BearerAuth",
    "ClientError",
    "EncryptedFileStore",
    "HeldLock",
    "IssuerError",
    "KeychainStore",
    "LoginError",
    "NativeApp",
    "NativeError",
    "NotSignedInError",
    "ProtocolError",
    "Secret",
    "SessionSource",
    "SignedIn",
    "StoreError",
    "TokenSet",
    "TokenStore",
    "UnavailableError",
]
