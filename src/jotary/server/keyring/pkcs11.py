"""A PKCS#11 token as a custodian: an HSM, a smart card, SoftHSM (PKCS #11 v3.0, OASIS).

The library is one for the whole process, a login is one for the token, and a session belongs to one thread.
"""

import contextlib
import hashlib
import threading
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_ec_public_key
from pkcs11.util.rsa import encode_rsa_public_key

from jotary.jose import JOSEError, Key, base64url
from jotary.oauth.secret import Secret
from jotary.server.keyring import cryptoki
from jotary.server.keyring.external import TIMEOUT, NoSuchKeyError, Reference
from jotary.server.keyring.shared_lock import SharedLock
from jotary.server.ports import Unavailable

Answer = TypeVar("Answer")

NAME: Final = "pkcs11"

# Any: the library's types do not know which operations a key has.
# CKM_ECDSA takes the digest and returns r ‖ s, as JOSE spells it (RFC 7518 §3.4).
_SIGN: Final[dict[str, Callable[[Any, bytes], bytes]]] = {
    "ES256": lambda key, message: key.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA),
    "RS256": lambda key, message: key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS),
    "EdDSA": lambda key, message: key.sign(message, mechanism=Mechanism.EDDSA),
}
_ED25519_SIZE: Final = 32
# A further attempt with a PIN that was refused brings the token closer to locking itself.
_REFUSED_PIN: Final = (
    pkcs11.PinExpired,
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
    pkcs11.UserPinNotInitialized,
)
_MEND_PIN: Final = "Mend pkcs11_pin_file or JOTARY_PKCS11_PIN, and start again: it is not tried twice."


class PKCS11Custodian:
    """Signs with keys of one token, found by their labels.

    Args:
        library: path of the vendor's library.
        token: label of the token.
        pin: of its user.
    """

    def __init__(self, *, library: str, token: str, pin: Secret) -> None:
        self._path = library
        self._token = token
        self._pin = pin
        self._lock = threading.RLock()  # for the login
        self._library = SharedLock()
        self._login: pkcs11.Session | None = None  # holds the login while sessions come and go
        self._generation = 0  # of the login; sessions of an earlier one are dead
        self._refused = ""  # the PIN, and how
        self._local = threading.local()

    def public_key(self, name: str) -> tuple[Reference, Key]:
        """As `Custodian.public_key`; `name` is the label of both halves of the key."""
        return Reference(NAME, name), self._retrying(partial(self._read, name))

    def sign(self, name: str, algorithm: str, message: bytes) -> bytes:
        """As `Custodian.sign`."""
        return self._retrying(lambda: _SIGN[algorithm](self._private_key(name), message))

    def close(self) -> None:
        """Log out. The library stays loaded: other parts of the process may use it."""
        with self._lock:
            self._drop_login()

    def _retrying(self, work: Callable[[], Answer]) -> Answer:
        """Do it; if the session was lost, with a new one; if the login or token was, with the library started anew.

        Without its login a token shows no private keys, so that one which is not found may be there all the same.
        """
        for recover in (self._drop_session, self._restart, None):
            generation = self._generation
            try:
                with self._library.together():
                    return work()
            except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
                if recover is None and isinstance(error, pkcs11.NoSuchKey):
                    hint = "Look for the labels of its keys with: pkcs11-tool --list-objects --login"
                    raise NoSuchKeyError(f"the token {self._token!r} has no such key", hint=hint) from error
                if recover is None:
                    what = f"the HSM does not answer: {type(error).__name__} {error}".rstrip()
                    raise Unavailable(what, hint=self._hint(error)) from error
                recover(generation)
        raise AssertionError("the last attempt returns or raises")

    def _hint(self, error: Exception) -> str | None:
        if isinstance(error, pkcs11.NoSuchToken):
            return f"See that pkcs11_token is among: pkcs11-tool --module {self._path} --list-token-slots"
        if type(error) is pkcs11.PKCS11Error and "while loading" in str(error):  # the binding's own words
            return "See that pkcs11_library is the path of the HSM's library."
        return None

    def _read(self, name: str) -> Key:
        session = self._session()
        session.get_key(ObjectClass.PRIVATE_KEY, label=name)  # a public half alone is not enough
        public = session.get_key(ObjectClass.PUBLIC_KEY, label=name)
        try:
            return _as_key(public)
        except (JOSEError, ValueError, pkcs11.AttributeTypeInvalid) as error:
            raise NoSuchKeyError(
                f"the public key {name!r} cannot be read: {error}", hint="Make another one."
            ) from error

    def _private_key(self, name: str) -> Any:
        """Found once for each session: a search is a call more."""
        session = self._session()
        known: dict[str, Any] = self._local.keys
        if name not in known:
            known[name] = session.get_key(ObjectClass.PRIVATE_KEY, label=name)
        return known[name]

    def _session(self) -> pkcs11.Session:
        """This thread's own session."""
        if getattr(self._local, "generation", None) != self._generation:
            with self._lock:
                self._log_in()
                session = pkcs11.lib(self._path).get_token(token_label=self._token).open()
                self._local.session, self._local.keys = session, {}
                self._local.generation = self._generation
        current: pkcs11.Session = self._local.session
        return current

    def _log_in(self) -> None:
        if self._refused:
            raise Unavailable(self._refused, hint=_MEND_PIN)
        if self._login is None:
            library = pkcs11.lib(self._path)
            cryptoki.start(self._path)
            token = library.get_token(token_label=self._token)
            try:
                self._login = token.open(user_pin=self._pin.reveal())
            except pkcs11.UserAlreadyLoggedIn:
                self._login = token.open()  # by another part of this process
            except _REFUSED_PIN as error:
                self._refused = f"the HSM refused the PIN ({type(error).__name__})"
                raise Unavailable(self._refused, hint=_MEND_PIN) from error

    def _drop_session(self, _generation: int) -> None:
        self._local.generation = None

    def _restart(self, generation: int) -> None:
        """Start the library anew, once for all threads: a token that was away is found again only then.

        Whoever is in the middle of a call is waited for: what that call finds otherwise is not defined (PKCS #11 §5.4).
        """
        with self._library.alone(patience=TIMEOUT) as is_alone, self._lock:
            if not is_alone or generation != self._generation:
                return
            self._generation += 1
            self._drop_login()
            with contextlib.suppress(pkcs11.PKCS11Error, RuntimeError, OSError):  # the next attempt meets it again
                pkcs11.lib(self._path)  # loaded before, or its own start would find the library started
                cryptoki.restart(self._path)

    def _drop_login(self) -> None:
        login, self._login = self._login, None
        if login is not None:
            try:
                login.close()
            except pkcs11.PKCS11Error:
                return  # it is gone already


def _as_key(public: Any) -> Key:
    if public.key_type is KeyType.EC:
        return Key.from_pem(_pem("PUBLIC KEY", encode_ec_public_key(public)))
    if public.key_type is KeyType.RSA:
        return Key.from_pem(_pem("RSA PUBLIC KEY", encode_rsa_public_key(public)))
    if public.key_type is KeyType.EC_EDWARDS:  # a DER octet string around the point (PKCS #11 v3.0 §2.3.5)
        point = bytes(public[Attribute.EC_POINT])[-_ED25519_SIZE:]
        return Key.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(point)})
    raise ValueError(f"a key of type {public.key_type}")


def _pem(label: str, der: bytes) -> str:
    text = b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
