"""Good signatures over claims that must not be taken (RFC 9068 §4, RFC 7519 §4.1)."""

from functools import partial

from jotary.testing.attacks.attack import Attack
from jotary.testing.attacks.forger import Forger

_HOUR = 3600  # seconds: more than clocks may differ

_exp = partial(Attack, check="exp", standard="RFC 7519 §4.1.4")
_iat = partial(Attack, check="iat", standard="RFC 7519 §4.1.6, RFC 9068 §2.2", level="strict")
_iss = partial(Attack, check="iss", standard="RFC 9068 §4")
_aud = partial(Attack, check="aud", standard="RFC 9068 §4")
_typ = partial(Attack, check="typ", standard="RFC 9068 §4", level="strict")
_sub = partial(Attack, check="sub", standard="RFC 9068 §2.2")
_scope = partial(Attack, check="scope", standard="RFC 6750 §3.1", refused_with=frozenset({403}), needs_scope=True)


def _scopes(forger: Forger, *scopes: str) -> str:
    return forger.token(scope=" ".join(scopes))


def _id_token(forger: Forger) -> str:
    return forger.issuer.id_token(forger.extra.get("sub", "person-1"))


ATTACKS = (
    _exp(name="expired", forge=lambda f: f.token(iat=f.now - 2 * _HOUR, exp=f.now - _HOUR)),
    _exp(name="exp missing", forge=lambda f: f.token(without=["exp"])),
    _exp(name="exp is text", forge=lambda f: f.token(exp=str(f.now + _HOUR)), level="strict"),
    _exp(name="exp is true", forge=lambda f: f.token(exp=True)),
    _exp(name="exp is an object", forge=lambda f: f.token(exp={})),
    Attack(
        name="not valid yet",
        check="nbf",
        standard="RFC 7519 §4.1.5",
        forge=lambda f: f.token(nbf=f.now + _HOUR, exp=f.now + 2 * _HOUR),
    ),
    _iat(name="issued in the future", forge=lambda f: f.token(iat=f.now + _HOUR, exp=f.now + 2 * _HOUR)),
    _iat(name="iat missing", forge=lambda f: f.token(without=["iat"])),
    _iss(name="another issuer", forge=lambda f: f.token(iss="https://evil.example")),
    _iss(name="issuer missing", forge=lambda f: f.token(without=["iss"])),
    _iss(name="issuer is the beginning of another", forge=lambda f: f.token(iss=f"{f.issuer.issuer}.evil.example")),
    _iss(name="issuer is only a part", forge=lambda f: f.token(iss=f.issuer.issuer[:-1])),
    _iss(name="issuer is a list", forge=lambda f: f.token(iss=[f.issuer.issuer]), level="strict"),
    _iss(name="issuer with another slash", forge=lambda f: f.token(iss=f"{f.issuer.issuer}/"), level="strict"),
    _aud(name="another audience", forge=lambda f: f.token(aud="https://other-api.example")),
    _aud(name="audience missing", forge=lambda f: f.token(without=["aud"])),
    _aud(name="audience is an empty list", forge=lambda f: f.token(aud=[])),
    _aud(name="audience is the beginning of another", forge=lambda f: f.token(aud=f"{f.issuer.audience}.evil.example")),
    _aud(name="audience is only a part", forge=lambda f: f.token(aud=f.issuer.audience[:-1])),
    _aud(name="audience is an object", forge=lambda f: f.token(aud={f.issuer.audience: True}), level="strict"),
    _typ(name="typ missing", forge=lambda f: f.token(header={"typ": None})),
    _typ(name="typ JWT", forge=lambda f: f.token(header={"typ": "JWT"})),
    _typ(name="typ of a logout token", forge=lambda f: f.token(header={"typ": "logout+jwt"})),
    Attack(
        name="ID token",
        check="typ",
        standard="RFC 9068 §4",
        forge=_id_token,
        supposes=("aud",),
        refused_with=frozenset({401, 403}),  # it has no scope, either
    ),
    _sub(name="sub missing", forge=lambda f: f.token(without=["sub"])),
    _sub(name="sub is empty", forge=lambda f: f.token(sub=""), level="strict"),
    _sub(name="sub is a number", forge=lambda f: f.token(sub=1), level="strict"),
    _sub(name="sub is an object", forge=lambda f: f.token(sub={"a": "b"}), level="strict"),
    Attack(
        name="client_id missing",
        check="client_id",
        standard="RFC 9068 §2.2",
        forge=lambda f: f.token(without=["client_id"]),
        level="strict",
    ),
    Attack(
        name="jti missing",
        check="jti",
        standard="RFC 9068 §2.2",
        forge=lambda f: f.token(without=["jti"]),
        level="strict",
    ),
    _scope(name="no scope", forge=lambda f: f.token(without=["scope"])),
    _scope(name="scope is empty", forge=_scopes, refused_with=frozenset({401, 403})),
    _scope(name="another scope", forge=lambda f: _scopes(f, "another")),
    _scope(name="one scope too few", forge=lambda f: _scopes(f, "another", *f.scopes[1:])),
    _scope(name="scopes are parts of longer ones", forge=lambda f: _scopes(f, *(f"x{one}x" for one in f.scopes))),
    _scope(name="scopes in capitals", forge=lambda f: _scopes(f, *(one.swapcase() for one in f.scopes))),
)
