"""The same tokens through PyJWT and joserfc: who takes what the others refuse, and why."""

import warnings
from collections.abc import Callable, Collection, Iterator

import jwt as pyjwt
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws

from fuzz.keys import ALGORITHMS, Keys
from fuzz.targets import TAKEN

#: Why a peer may take what jotary refuses, by the code of jotary's refusal. A wrong signature is not among them.
THEY_ARE_LAXER = {
    "bad_base64url": "padding, foreign characters or unused bits in base64url (RFC 7515 §2)",
    "bad_json": "a header that two readers could read differently (RFC 7515 §4)",
    "malformed": "a header member of the wrong type, or `b64` that is not critical",
    "too_large": "no bound on the size",
    "unsupported_critical_header": "an extension that is critical and not known (RFC 7515 §4.1.11)",
}
#: Why a peer may refuse what jotary takes.
THEY_ARE_STRICTER = {
    "ML-DSA-44": "ML-DSA is not known to it",
    "large": "it bounds the header at 512 bytes",
    "crit": "`crit` with `b64` true is not known to it",
    **dict.fromkeys(
        ("jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"), "it reads members that carry keys, and they are bad"
    ),
}
_PEERS_ALGORITHMS = sorted(ALGORITHMS - {"ML-DSA-44"})


class Peers:
    """Two other libraries with the same keys; without a kid they get the key that fits, which both leave to others."""

    def __init__(self, keys: Keys) -> None:
        warnings.filterwarnings("ignore", module="joserfc|jwt")
        shared = {name: key.public() for name, key in keys.issuer.items() if name in _PEERS_ALGORITHMS}
        self._pyjwt = {key.kid: pyjwt.PyJWK(key.to_jwk()) for key in shared.values()}
        self._joserfc = {key.kid: joserfc_jwk.import_key(key.to_jwk()) for key in shared.values()}
        self._kids = {name: key.kid for name, key in shared.items()}
        # By itself joserfc refuses every header member that is not registered, which RFC 7515 §4 asks to be ignored.
        self._registry = joserfc_jws.JWSRegistry(algorithms=_PEERS_ALGORITHMS, strict_check_header=False)
        self._all: dict[str, Callable[[str], object]] = {"PyJWT": self._by_pyjwt, "joserfc": self._by_joserfc}

    def differences(self, token: str, refusal: str, reasons: Collection[str]) -> Iterator[tuple[str, str | None]]:
        """Each difference, and its reason if there is one.

        Args:
            token: in full.
            refusal: what `jws.verify` says: `targets.TAKEN`, or the code.
            reasons: why they may be stricter: the algorithm, the names of the header's members, and `large`.
        """
        for name, verify in self._all.items():
            takes = _takes(verify, token)
            if takes and refusal != TAKEN:
                yield f"{name} takes it, we say {refusal}", _prefixed(name, THEY_ARE_LAXER.get(refusal))
            elif not takes and refusal == TAKEN:
                known = next((why for word, why in THEY_ARE_STRICTER.items() if word in reasons), None)
                yield f"{name} refuses it, we take it", _prefixed(name, known)

    def _by_pyjwt(self, token: str) -> object:
        header = pyjwt.get_unverified_header(token)
        key = self._pyjwt[header["kid"] if "kid" in header else self._kids[header["alg"]]]
        return pyjwt.PyJWS().decode_complete(token, key, algorithms=_PEERS_ALGORITHMS)

    def _by_joserfc(self, token: str) -> object:
        header = joserfc_jws.extract_compact(token.encode()).headers()
        key = self._joserfc[header["kid"] if "kid" in header else self._kids[header["alg"]]]
        return joserfc_jws.deserialize_compact(token, key, registry=self._registry)


def _takes(verify: Callable[[str], object], token: str) -> bool:
    try:
        verify(token)
    except Exception:  # noqa: BLE001 -- whatever it raises, it does not take the token
        return False
    return True


def _prefixed(name: str, reason: str | None) -> str | None:
    return None if reason is None else f"{name}: {reason}"
