"""What is done to the claims: most of it is signed by the issuer's own key, so that the rules alone are in the way."""

from fuzz.dice import Dice
from fuzz.grammar.contents import ANYWHERE, Edit, replaced
from fuzz.grammar.values import hostile, near
from fuzz.scene import LEEWAY, NOW, Members, Scene, json_text

_TEXTS = ("sub", "client_id", "jti", "scope", "sid", "azp", "cid", "tid", "scp", "roles", "token_use", "typ", "ver")
_TIMES = ("exp", "iat", "nbf", "auth_time")
_KINDS = (
    (b'"nonce"', b'"n"'),
    (b'"at_hash"', b'"h"'),
    (b'"events"', b'{"http://schemas.openid.net/event/backchannel-logout":{}}'),
    (b'"cnf"', b'{"jkt":"x"}'),
    (b'"htm"', b'"GET"'),
    (b'"token_use"', b'"id"'),
    (b'"typ"', b'"ID"'),
)


def _iss(dice: Dice, scene: Scene, content: Members) -> bytes:
    value = hostile(dice) if dice.one_in(4) else near(dice, dice.pick(sorted(scene.shape.issuers)))
    return replaced(dice, content, b'"iss"', value)


def _aud(dice: Dice, scene: Scene, content: Members) -> bytes:
    value = hostile(dice) if dice.one_in(4) else near(dice, scene.shape.audience)
    return replaced(dice, content, json_text(scene.shape.audience_claim), value)


def _time(dice: Dice, scene: Scene, content: Members) -> bytes:
    return replaced(dice, content, json_text(dice.pick(_TIMES)), _moment(dice))


def _moment(dice: Dice) -> bytes:
    """Around the bounds that count, in whole seconds and in parts, as a number and as a text."""
    if dice.one_in(3):
        return hostile(dice)
    edge = NOW + dice.pick((-LEEWAY, 0, LEEWAY)) + dice.pick((-1, 0, 1))
    far = dice.pick((edge, edge, NOW + 10**6, NOW - 10**6, NOW * 1000))
    return dice.pick((b"%d", b"%d.0", b"%d.5", b"%d.999999999", b"-%d", b'"%d"', b"[%d]", b"%de0", b"%de5")) % far


def _text(dice: Dice, scene: Scene, content: Members) -> bytes:
    name = dice.pick(_TEXTS)
    value = hostile(dice) if dice.one_in(2) else near(dice, "todo:read todo:write")
    return replaced(dice, content, json_text(name), value)


def _another_kind(dice: Dice, scene: Scene, content: Members) -> bytes:
    name, value = dice.pick(_KINDS)
    kept = [member for member in content if member[0] not in {b'"client_id"', b'"scope"', b'"cid"', b'"azp"'}]
    return replaced(dice, kept, name, value)


def _another_payload(dice: Dice, scene: Scene, content: Members) -> bytes:
    """A token within a token (RFC 7519 §5.2): what is signed is not the claims but another token."""
    inner = dice.pick(scene.good[dice.pick(scene.algorithms)]).text
    return dice.pick((inner, b'"' + inner + b'"', replaced(dice, content, b'"token"', b'"' + inner + b'"')))


CLAIMS: dict[str, Edit] = {
    **ANYWHERE,
    "another iss": _iss,
    "another aud": _aud,
    "another time": _time,
    "another text": _text,
    "a token of another kind": _another_kind,
    "a token within the token": _another_payload,
}
