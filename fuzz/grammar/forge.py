"""One forged token: a good one, changed somewhere, signed by somebody, and sometimes changed once more."""

from typing import NamedTuple

from fuzz.dice import Dice
from fuzz.grammar.claims import CLAIMS
from fuzz.grammar.contents import ANYWHERE, Edit
from fuzz.grammar.forms import FORMS, formed
from fuzz.grammar.headers import HEADERS
from fuzz.grammar.signatures import SIGNATURES, signature_changed
from fuzz.grammar.signers import SIGNERS
from fuzz.scene import Good, Scene, spelled

# What is done to any JSON is tried a third as often as what is done to a header or to claims on purpose.
_HEADERS, _CLAIMS = (
    [item for item in edits.items() for _ in range(1 if item[0] in ANYWHERE else 3)] for edits in (HEADERS, CLAIMS)
)
_FORMS, _SIGNATURES = list(FORMS.items()), list(SIGNATURES.items())
_SIGNERS = [(name, signer) for name, (weight, signer) in SIGNERS.items() for _ in range(weight)]

#: Of every hundred tokens, how many are changed where.
_LEVELS = ("header",) * 30 + ("claims",) * 35 + ("signature",) * 12 + ("form",) * 23


class Forged(NamedTuple):
    """A token and what was done to it: where, what, and who signed it then."""

    token: str
    mutation: str


def forge(dice: Dice, scene: Scene) -> Forged:
    """Make one. What it is worth is for the scene's oracle to say: not every change does harm."""
    scene.forget()
    good = dice.pick(scene.good[dice.pick(scene.algorithms)])
    level = dice.pick(_LEVELS)
    if level == "form":
        name, form = dice.pick(_FORMS)
        return _twice(dice, scene, Forged(formed(dice, scene, good, form), f"form: {name}"))
    if level == "signature":
        name, change = dice.pick(_SIGNATURES)
        text = signature_changed(dice, scene, good, change)
        return _twice(dice, scene, Forged(text.decode(), f"signature: {name}"))
    edit = dice.pick(_HEADERS if level == "header" else _CLAIMS)
    return _twice(dice, scene, _edited(dice, scene, good, level, edit))


def _edited(dice: Dice, scene: Scene, good: Good, level: str, chosen: tuple[str, Edit]) -> Forged:
    name, edit = chosen
    header, claims = spelled(good.header), spelled(good.claims)
    if level == "header":
        header = edit(dice, scene, good.header)
    else:
        claims = edit(dice, scene, good.claims)
    how, sign = dice.pick(_SIGNERS)
    return Forged(sign(dice, scene, good, header, claims).decode(), f"{level}: {name}, {how}")


def _twice(dice: Dice, scene: Scene, forged: Forged) -> Forged:
    """Once in a while the text is changed, too."""
    if not dice.one_in(12):
        return forged
    _, form = dice.pick(_FORMS)
    return Forged(form(dice, scene, forged.token), forged.mutation)
