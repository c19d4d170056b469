"""The feed of cut-offs between the server and every API: what one signed answer says (design §6.3).

Tokens stay verifiable without a call, and are refused within a second of a sign-out all the same.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from jotary.tokens import claims as checks
from jotary.tokens.errors import TokenError

#: The `typ` header: no other kind of token passes for a feed, and a feed for no other (RFC 8725 §3.11).
TYP: Final = "revocations+jwt"
#: Entries in one answer; whoever follows asks again for the rest.
MAX_ENTRIES: Final = 250
#: Seconds that an answer may be held back for news.
MAX_WAIT: Final = 25
#: Seconds after its signing in which an answer is taken: an old one, played back, would hide what came since.
MAX_AGE: Final = 60

#: What the feed is to the keys, as a link relation (RFC 8288 §2.1.2: a relation that is not registered is a URI).
RELATION: Final = "urn:jotary:revocations"

_LINK: Final = re.compile(rf'<([^<>]*)>; rel="{RELATION}"')


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens whose claim `kind` equals `value` and whose `iat` is at or before `issued_before` are refused.

    The kind `kid` names a signing key that somebody else may have: whatever it signed is refused, tokens and answers
    of this feed, whenever they say that they were issued.

    It may be forgotten at `expires_at`, when the last token that it could touch has expired. Unix seconds.
    """

    kind: Literal["sid", "sub", "client_id", "jti", "kid"]
    value: str
    issued_before: int
    expires_at: int


class FeedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What came behind `after`; whoever follows asks for what comes behind `position` next."""

    after: int
    position: int
    entries: tuple[CutOff, ...]


def feed_link(url: str) -> str:
    """The `Link` header with which an issuer's keys say where its feed is (RFC 8288 §3)."""
    return f'<{url}>; rel="{RELATION}"'


def linked_feed(header: str) -> str | None:
    """The URL that a `Link` header says, as `feed_link` writes it; None if it speaks of no feed."""
    found = _LINK.search(header)
    return found[1] if found else None


def feed_claims(*, issuer: str, now: int, after: int, position: int, entries: Sequence[CutOff]) -> dict[str, Any]:
    """The claims of a signed answer; `now` in Unix seconds."""
    return {
        "iss": issuer,
        "iat": now,
        "after": after,
        "position": position,
        "entries": [msgspec.to_builtins(entry) for entry in entries],
    }


def check_feed(claims: Mapping[str, Any], *, issuer: str, after: int, now: int, leeway: int) -> FeedAnswer:
    """Check the claims of an answer whose signature and `typ` already held.

    Args:
        claims: the verified payload.
        issuer: whose feed it is, byte for byte.
        after: what was asked for. A server that begins anew answers from 0, which only repeats what is known.
        now: Unix seconds.
        leeway: seconds that clocks may differ.

    Raises:
        TokenError: with the claim that failed.
    """
    checks.check_issuer(claims, issuer)
    if checks.check_issued_at(claims, now=now, leeway=leeway) < now - MAX_AGE - leeway:
        raise TokenError("iat", "the feed was signed too long ago; check the clocks of issuer and API")
    try:
        answer = msgspec.convert({name: claims.get(name) for name in FeedAnswer.__struct_fields__}, FeedAnswer)
    except msgspec.ValidationError as error:
        raise TokenError("entries", "the feed is malformed") from error
    # Entries between what is known and where the answer begins would never be seen.
    if answer.after > after or answer.position < answer.after or len(answer.entries) > MAX_ENTRIES:
        raise TokenError("after", "the feed does not continue where the last answer ended")
    return answer
