"""Tokens whose form is the attack: JSON that has two meanings, extensions, depth, size (RFC 7515 §4, RFC 8725 §2)."""

from functools import partial

from jotary.jose import strict_json
from jotary.testing.attacks.attack import Attack
from jotary.testing.attacks.forger import Forger

_DEPTH = 2000  # deeper than Python's own reader of JSON goes, and still short enough for any web server
_SIZE = 100_000  # bytes

_REFUSED = frozenset({400, 401})
_TOO_LARGE = frozenset({0, 400, 401, 413, 414, 431})  # a web server may close the connection before it has read it all

_crit = partial(Attack, check="crit", standard="RFC 7515 §4.1.11", level="strict")
_duplicates = partial(Attack, check="duplicates", standard="RFC 7515 §4, RFC 7519 §4", level="strict")
_json = partial(Attack, check="json", standard="RFC 7519 §7.2", refused_with=_REFUSED, supposes=("signature",))
_nesting = partial(Attack, check="nesting", standard="RFC 8259 §9", level="strict", refused_with=_REFUSED)


def _doubled(first: str, value: object, members: dict[str, object]) -> bytes:
    """An object in which a member stands twice; the second time as it must be."""
    text = strict_json.dumps(members)
    return b"{" + strict_json.dumps({first: value})[1:-1] + b"," + text[1:]


def _doubled_header(forger: Forger) -> str:
    header, claims, _ = forger.parts()
    return forger.sign(_doubled("alg", "none", header), strict_json.dumps(claims))


def _doubled_claims(forger: Forger) -> str:
    header, claims, _ = forger.parts()
    return forger.sign(strict_json.dumps(header), _doubled("sub", "somebody-else", claims))


def _deep(members: dict[str, object]) -> bytes:
    return strict_json.dumps(members)[:-1] + b',"deep":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"


def _deep_header(forger: Forger) -> str:
    header, claims, _ = forger.parts()
    return forger.sign(_deep(header), strict_json.dumps(claims))


def _deep_claims(forger: Forger) -> str:
    header, claims, _ = forger.parts()
    return forger.sign(strict_json.dumps(header), _deep(claims))


def _signed(forger: Forger, payload: bytes) -> str:
    return forger.sign(strict_json.dumps(forger.parts()[0]), payload)


def _headed(forger: Forger, header: bytes) -> str:
    return forger.sign(header, strict_json.dumps(forger.parts()[1]))


ATTACKS = (
    _crit(name="crit names what nobody knows", forge=lambda f: f.token(header={"crit": ["x-new"], "x-new": 1})),
    _crit(name="crit is empty", forge=lambda f: f.token(header={"crit": []})),
    _crit(name="crit is text", forge=lambda f: f.token(header={"crit": "b64"})),
    # With b64=false the payload would be this very base64url text, and no claims (RFC 7797 §3).
    _crit(
        name="b64 is false",
        forge=lambda f: f.token(header={"crit": ["b64"], "b64": False}),
        standard="RFC 7797 §3, RFC 7519 §7.2",
    ),
    _crit(name="b64 is false and not critical", forge=lambda f: f.token(header={"b64": False}), standard="RFC 7797 §6"),
    _duplicates(name="alg stands twice", forge=_doubled_header),
    _duplicates(name="sub stands twice", forge=_doubled_claims),
    _nesting(name="deep header", forge=_deep_header),
    _nesting(name="deep claims", forge=_deep_claims),
    _json(name="claims are a list", forge=lambda f: _signed(f, b"[]")),
    _json(name="claims are null", forge=lambda f: _signed(f, b"null")),
    _json(name="claims are no JSON", forge=lambda f: _signed(f, b"{")),
    _json(name="claims are no UTF-8", forge=lambda f: _signed(f, b'{"sub":"\xff"}')),
    _json(name="header is a list", forge=lambda f: _headed(f, b"[]")),
    _json(name="header is no JSON", forge=lambda f: _headed(f, b"{")),
    _json(name="header is no UTF-8", forge=lambda f: _headed(f, b"\xff\xfe")),
    Attack(
        name="100 kB",
        check="size",
        standard="RFC 8725 §2, RFC 9110 §17.5",
        forge=lambda f: f.token(ballast="x" * _SIZE),
        level="strict",
        refused_with=_TOO_LARGE,
    ),
)
