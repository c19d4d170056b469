"""Requests that present a token as it must not be presented, or none (RFC 6750 §2, §3)."""

from functools import partial

from jotary.testing.attacks.attack import Attack, Presented, bearer
from jotary.testing.attacks.forger import Forger

_REFUSED = frozenset({400, 401})

_no_token = partial(Attack, check="token", standard="RFC 6750 §3.1", refused_with=_REFUSED)
_scheme = partial(Attack, check="scheme", standard="RFC 6750 §2.1", refused_with=_REFUSED, level="strict")
_one_header = partial(Attack, check="one header", standard="RFC 9110 §5.3", refused_with=_REFUSED, level="strict")
_query = partial(Attack, check="query", standard="RFC 9700 §4.3.2", refused_with=_REFUSED)


def _sent(value: str) -> Presented:
    return Presented(authorization=(value.encode(),))


def _good_in_query(forger: Forger) -> str:
    return f"access_token={forger.good()}"


def _in_both(forger: Forger) -> Presented:
    return Presented(authorization=bearer(forger.good()).authorization, query=_good_in_query(forger))


ATTACKS = (
    _no_token(name="no header", forge=lambda _: Presented()),
    _no_token(name="empty header", forge=lambda _: _sent("")),
    _no_token(name="no token", forge=lambda _: _sent("Bearer")),
    _no_token(name="no token but a space", forge=lambda _: _sent("Bearer ")),
    _no_token(name="garbage", forge=lambda _: bearer("garbage")),
    _no_token(name="two dots", forge=lambda _: bearer("..")),
    _no_token(name="three words", forge=lambda _: bearer("a.b.c")),
    _no_token(name="five parts", forge=lambda f: bearer(f"{f.good()}.a.b")),
    _no_token(name="non-ASCII", forge=lambda _: bearer("é.ü.☃")),
    _no_token(name="bytes that are no UTF-8", forge=lambda _: Presented(authorization=(b"Bearer \xff.\xfe.\xfd",))),
    _scheme(name="Basic", forge=lambda f: _sent(f"Basic {f.good()}")),
    _scheme(name="no scheme", forge=lambda f: _sent(f.good())),
    _scheme(name="a scheme that begins with Bearer", forge=lambda f: _sent(f"Bearerx {f.good()}")),
    _scheme(name="more words after the token", forge=lambda f: _sent(f"Bearer {f.good()} more")),
    _one_header(name="two headers, a good one first", forge=lambda f: bearer(f.good(), "a.b.c")),
    _one_header(name="two headers, a good one last", forge=lambda f: bearer("a.b.c", f.good())),
    _one_header(name="two good headers", forge=lambda f: bearer(f.good(), f.good())),
    _query(name="token in the query", forge=lambda f: Presented(query=_good_in_query(f))),
    _query(name="token in header and query", forge=_in_both, level="strict", standard="RFC 6750 §2"),
)
