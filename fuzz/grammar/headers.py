"""What is done to the header: it says how to verify, and must not be believed (RFC 8725 §2.1, §3.1)."""

from fuzz.dice import Dice
from fuzz.grammar.contents import ANYWHERE, Edit, replaced
from fuzz.grammar.values import hostile, near
from fuzz.scene import Members, Scene, json_text

_ALGORITHMS = (
    *(f"{family}{size}" for family in ("RS", "PS", "ES", "HS") for size in (256, 384, 512)),
    *("ES256K", "EdDSA", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"),
    *("es256", "ES256 ", "RS256\0", "SHA256", "RSA-OAEP", "dir", "A256GCM", "null", "256"),
)
_NONE = ("none", "None", "NONE", "nOnE", "none ", " none", "none\0", "ｎone", "", "no\u200bne")  # noqa: RUF001 -- on purpose
_KIDS = (
    "",
    "0",
    "../../dev/null",
    "/dev/null",
    "file:///dev/null",
    "' OR 1=1 --",
    "http://evil.example/key",
    "$(id)",
    "key\r\nX: y",
    "A" * 2000,
    "\0",
    "constructor",
)
_URLS = (
    "http://169.254.169.254/",
    "https://evil.example/jwks",
    "file:///etc/passwd",
    "https://id.example@evil.example/",
)
_CRITICAL = (
    b"[]",
    b"null",
    b'"b64"',
    b'["b64"]',
    b'["b64","b64"]',
    b'["exp"]',
    b'["alg"]',
    b'["b64","exp"]',
    b'["B64"]',
    b'["http://openid.net/x"]',
    b"[1]",
    b"[[]]",
    b"{}",
    b'[""]',
)


def _alg(dice: Dice, scene: Scene, content: Members) -> bytes:
    name = dice.pick((*_ALGORITHMS, scene.keys.issuer["ES512"].alg or ""))
    return replaced(dice, content, b'"alg"', json_text(name))


def _none(dice: Dice, scene: Scene, content: Members) -> bytes:
    return replaced(dice, content, b'"alg"', json_text(dice.pick(_NONE)))


def _kid(dice: Dice, scene: Scene, content: Members) -> bytes:
    others = [key.kid or "" for key in scene.keys.issuer.values()]
    if dice.one_in(3):
        return replaced(dice, content, b'"kid"', near(dice, dice.pick(others)))
    return replaced(dice, content, b'"kid"', json_text(dice.pick((*others, *_KIDS))))


def _typ(dice: Dice, scene: Scene, content: Members) -> bytes:
    kinds = ("JWT", "at+jwt", "AT+JWT", "id_token+jwt", "dpop+jwt", "logout+jwt", "JOSE", "revocations+jwt", "")
    value = near(dice, "at+jwt") if dice.one_in(3) else json_text(dice.pick(kinds))
    return replaced(dice, content, b'"typ"', value)


def _crit(dice: Dice, scene: Scene, content: Members) -> bytes:
    value = hostile(dice) if dice.one_in(4) else dice.pick(_CRITICAL)
    return replaced(dice, content, b'"crit"', value)


def _b64(dice: Dice, scene: Scene, content: Members) -> bytes:
    value = hostile(dice) if dice.one_in(4) else dice.pick((b"false", b"true", b"0", b'"false"', b"null"))
    others = [member for member in content if member[0] not in {b'"b64"', b'"crit"'}]
    if dice.one_in(2):
        others.append((b'"crit"', b'["b64"]'))
    return replaced(dice, others, b'"b64"', value)


def _own_key(dice: Dice, scene: Scene, content: Members) -> bytes:
    stranger = scene.keys.stranger[dice.pick(scene.algorithms)]
    jwk = json_text(stranger.to_jwk(private=dice.one_in(4)))
    chain = json_text([dice.octets(20).hex()])
    name, value = dice.pick(
        (
            (b'"jwk"', jwk),
            (b'"jku"', json_text(dice.pick(_URLS))),
            (b'"x5u"', json_text(dice.pick(_URLS))),
            (b'"x5c"', chain),
            (b'"x5t"', json_text(dice.octets(20).hex())),
            (b'"jwks"', b'{"keys":[' + jwk + b"]}"),
        )
    )
    kept = [member for member in content if member[0] != b'"kid"'] if dice.one_in(2) else content
    return replaced(dice, kept, name, value)


def _encrypted(dice: Dice, scene: Scene, content: Members) -> bytes:
    others = [member for member in content if member[0] not in {b'"alg"', b'"enc"'}]
    kind = dice.pick((b'"dir"', b'"RSA-OAEP"', b'"PBES2-HS256+A128KW"', b'"ECDH-ES"'))
    more = [(b'"alg"', kind), (b'"enc"', b'"A256GCM"'), (b'"p2c"', b"2147483647"), (b'"epk"', hostile(dice))]
    return replaced(dice, [*more, *others], b'"zip"', b'"DEF"')


HEADERS: dict[str, Edit] = {
    **ANYWHERE,
    "another alg": _alg,
    "alg none": _none,
    "another kid": _kid,
    "another typ": _typ,
    "crit": _crit,
    "b64": _b64,
    "a key that the token brings": _own_key,
    "a header of an encrypted token": _encrypted,
}
