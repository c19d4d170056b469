"""Hostile keys and what an issuer publishes: JWKs, JWK Sets, PEM, certificates, metadata, answers of the feed."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from fuzz.dice import Dice
from fuzz.grammar.contents import ANYWHERE, replaced
from fuzz.grammar.values import hostile
from fuzz.keys import Keys
from fuzz.oracle import octets_of
from fuzz.scene import NOW, Members, Scene, json_text, members, spelled
from jotary.jose import JOSEError, Key, KeySet, strict_json
from jotary.oauth.metadata import MetadataError, ServerMetadata, check_issuer_url
from jotary.tokens.errors import TokenError
from jotary.tokens.revocation_feed import check_feed, feed_claims
from jotary.tokens.token_profile import TokenProfile
from jotary.verifier.key_documents import read_keys

_EDITS = list(ANYWHERE.values())
_ISSUER = "https://id.example"
_CERTIFICATES = TokenProfile(key_format="certificates")
#: What is documented to be raised, and nothing else may be.
REFUSALS = (JOSEError, MetadataError, TokenError)


class Document(NamedTuple):
    """What is sent where.

    Attributes:
        kind: of the document.
        text: what somebody published.
        read: what reads it; gives the keys that it took.
    """

    kind: str
    text: bytes
    read: Callable[[bytes], list[Key]]


class Documents:
    """Good documents to begin from.

    Args:
        scene: its keys and its edits of JSON are used.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._keys = [*scene.keys.issuer.values()]
        self._certificates = _certificates(scene.keys)
        self._kinds = (self._jwk, self._jwks, self._pem, self._x509, self._metadata, self._feed)

    def forge(self, dice: Dice) -> Document:
        """Change one of them."""
        return dice.pick(self._kinds)(dice)

    def _edited(self, dice: Dice, content: Members) -> bytes:
        return dice.pick(_EDITS)(dice, self._scene, content)

    def _jwk_text(self, dice: Dice, *, private: bool) -> bytes:
        content = members(dice.pick(self._keys).to_jwk(private=private))
        if dice.one_in(2):
            name, value = dice.pick(content)
            return replaced(dice, content, name, _other_octets(dice, value))
        return self._edited(dice, content)

    def _jwk(self, dice: Dice) -> Document:
        return Document("JWK", self._jwk_text(dice, private=dice.one_in(8)), read_jwk)

    def _jwks(self, dice: Dice) -> Document:
        keys = [self._jwk_text(dice, private=dice.one_in(20)) for _ in range(dice.below(4))]
        if dice.one_in(20):
            keys *= 60
        text = b"[" + b",".join(keys) + b"]" if dice.one_in(2) else json_text([k.to_jwk() for k in self._keys])
        content: Members = [(b'"keys"', text)]
        return Document("JWK Set", self._edited(dice, content) if dice.one_in(4) else spelled(content), read_jwks)

    def _pem(self, dice: Dice) -> Document:
        key = dice.pick(self._keys)
        return Document("PEM", _damaged(dice, key.to_pem(private=dice.one_in(2)).encode()), read_pem)

    def _x509(self, dice: Dice) -> Document:
        pem = dice.pick(self._certificates)
        other = json_text(_damaged(dice, pem).decode("latin-1")) if dice.one_in(2) else hostile(dice)
        content: Members = [(b'"kid-1"', json_text(pem.decode())), (b'"kid-2"', other)]
        return Document("certificates", self._edited(dice, content) if dice.one_in(4) else spelled(content), _read_x509)

    def _metadata(self, dice: Dice) -> Document:
        document = {"issuer": _ISSUER, "jwks_uri": f"{_ISSUER}/jwks", "scopes_supported": ["a"], "x": {"y": 1}}
        return Document("metadata", self._edited(dice, members(document)), read_metadata)

    def _feed(self, dice: Dice) -> Document:
        entry = {"kind": "sid", "value": "s", "issued_before": NOW, "expires_at": NOW + 300}
        claims = feed_claims(issuer=_ISSUER, now=NOW, after=3, position=4, entries=[])
        text = self._edited(dice, members(entry)) if dice.one_in(2) else json_text(entry)
        content = [*members({k: v for k, v in claims.items() if k != "entries"}), (b'"entries"', b"[" + text + b"]")]
        return Document("feed", self._edited(dice, content) if dice.one_in(2) else spelled(content), _read_feed)


def harm(key: Key) -> Iterator[str]:
    """What a key that was taken must not be: it must read the same again, and keep to the bounds of its type."""
    jwk = key.to_jwk(private=key.is_private and not key.is_symmetric) if not key.is_symmetric else {}
    if jwk and Key.from_jwk(json.loads(json.dumps(jwk))).thumbprint() != key.thumbprint():
        yield "reads differently the second time"
    if key.kty == "RSA":
        modulus, exponent = (int.from_bytes(_decoded(jwk[name]), "big") for name in ("n", "e"))
        if not 2048 <= modulus.bit_length() <= 8192 or modulus % 2 == 0 or exponent < 65537 or exponent % 2 == 0:
            yield "has a modulus or an exponent out of bounds"


def _decoded(text: str) -> bytes:
    return octets_of(text.encode()) or b""


def _other_octets(dice: Dice, value: bytes) -> bytes:
    """Another length, another value, or another spelling of the same bytes."""
    bare = value.strip(b'"')
    place = dice.below(len(bare) + 1)
    changed = bare[:place] + dice.pick((b"A", b"_", b"=", b"+", b"", b"AAAA")) + bare[place + dice.below(2) :]
    many = b"_" * dice.pick((2, 342, 344, 683, 1366, 5000, 40_000))
    return dice.pick(
        (b'"' + changed + b'"', b'"AA' + bare + b'"', b'"' + many + b'"', b'"AQAB"', b'"Aw"', hostile(dice))
    )


def _damaged(dice: Dice, pem: bytes) -> bytes:
    place = dice.below(len(pem))
    return dice.pick(
        (
            pem[:place] + dice.octets(1) + pem[place + 1 :],
            pem[:place] + pem[place + dice.below(40) :],
            pem[:place],
            pem * dice.below(4),
            pem.replace(b"PUBLIC", b"PRIVATE"),
            pem.replace(b"PUBLIC KEY", b"CERTIFICATE"),
            pem.replace(b"-----BEGIN ", b"-----BEGIN RSA ").replace(b"-----END ", b"-----END RSA "),
            pem.replace(b"\n", b"\nProc-Type: 4,ENCRYPTED\n", 1),
            pem + b"\0" * dice.below(70_000),
            dice.octets(dice.below(200)),
        )
    )


def _certificates(keys: Keys) -> list[bytes]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    start = dt.datetime.fromtimestamp(NOW, tz=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(start).not_valid_after(start + dt.timedelta(days=1))
    made = []
    for algorithm in ("RS256", "ES256"):
        key = load_pem_private_key(keys.issuer[algorithm].to_pem(private=True).encode(), password=None)
        signed = builder.public_key(key.public_key()).sign(key, hashes.SHA256())  # type: ignore[arg-type]  # RSA or EC
        made.append(signed.public_bytes(Encoding.PEM))
    return made


def read_jwk(text: bytes) -> list[Key]:
    """A JWK, perhaps with its private part."""
    return [Key.from_jwk(strict_json.loads_object(text))]


def read_jwks(text: bytes) -> list[Key]:
    """The keys of a JWK Set that can be used."""
    return list(KeySet.from_jwks(text))


def read_pem(text: bytes) -> list[Key]:
    """A key in PEM."""
    return [Key.from_pem(text)]


def _read_x509(text: bytes) -> list[Key]:
    return list(read_keys(strict_json.loads_object(text), _CERTIFICATES))


def read_metadata(text: bytes) -> list[Key]:
    """Metadata (RFC 8414), which hold no key."""
    metadata = ServerMetadata.from_dict(strict_json.loads_object(text), issuer=_ISSUER)
    check_issuer_url(metadata.jwks_uri or _ISSUER)
    return []


def _read_feed(text: bytes) -> list[Key]:
    check_feed(strict_json.loads_object(text), issuer=_ISSUER, after=3, now=NOW, leeway=5)
    return []


#: By kind of document, what reads it.
READERS: dict[str, Callable[[bytes], list[Key]]] = {
    "JWK": read_jwk,
    "JWK Set": read_jwks,
    "PEM": read_pem,
    "certificates": _read_x509,
    "metadata": read_metadata,
    "feed": _read_feed,
}
