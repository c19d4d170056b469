"""What is done to the finished text of a token (RFC 7515 §3.1, §5.2)."""

from collections.abc import Callable

from fuzz.dice import Dice
from fuzz.scene import Good, Scene, json_text

Form = Callable[[Dice, Scene, str], str]

_BLANKS = (" ", "\n", "\t", "\r\n", "\0", "\u00a0", "\u200b", "\ufeff", "\x7f", "\v")
_FOREIGN = (
    "=",
    "==",
    "+",
    "/",
    "%2E",
    "%",
    "é",
    "\uff21",
    "\u0456",
    "\ud800",
    "\U0001f511",
    "\\",
    '"',
    "{",
    ",",
    ";",
    "~",
    "\r",
)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _dots(dice: Dice, scene: Scene, token: str) -> str:
    parts = token.split(".")
    place = dice.below(len(parts))
    cut = dice.below(len(token) + 1)
    return dice.pick(
        (
            token[:cut] + "." + token[cut:],
            token.replace(".", "", 1),
            token.replace(".", ".." if dice.one_in(2) else "\uff0e", 1),
            ".".join(parts[:place] + parts[place + 1 :]),
            ".".join([*parts[:place], "", *parts[place + 1 :]]),
            ".".join(parts[place:] + parts[:place]),
            ".".join(reversed(parts)),
            "." * dice.below(3000),
            ".".join([*parts, *parts[: dice.below(3)]]),
        )
    )


def _foreign(dice: Dice, scene: Scene, token: str) -> str:
    cut = dice.below(len(token) + 1)
    return token[:cut] + dice.pick((*_FOREIGN, *_BLANKS)) + token[cut + dice.below(2) :]


def _around(dice: Dice, scene: Scene, token: str) -> str:
    before = dice.pick(("Bearer ", "bearer ", '"', "=", "", "ey", "DPoP ", *_BLANKS))
    return before + token + dice.pick(("", '"', "=", "==", "#x", "&a=b", ",", *_BLANKS))


def _last_bits(dice: Dice, scene: Scene, token: str) -> str:
    """Another last character of a part, whose unused bits are not zero (RFC 4648 §3.5), or whose used bits differ."""
    parts = token.split(".")
    place = dice.below(len(parts))
    part = parts[place]
    if part and part[-1] in _ALPHABET:
        turned = _ALPHABET[_ALPHABET.index(part[-1]) ^ dice.pick((1, 2, 3, 4, 8, 15))]
        parts[place] = part[:-1] + turned
    return ".".join(parts)


def _padded(dice: Dice, scene: Scene, token: str) -> str:
    return ".".join(part + "=" * (-len(part) % 4 or dice.below(2)) for part in token.split("."))


def _other_alphabet(dice: Dice, scene: Scene, token: str) -> str:
    hexadecimal = token.encode("utf-8", "surrogatepass").hex()
    return dice.pick((token.translate({45: "+", 95: "/"}), token.upper(), token.swapcase(), hexadecimal, token[::-1]))


def _one_character(dice: Dice, scene: Scene, token: str) -> str:
    cut = dice.below(max(len(token), 1))
    return token[:cut] + dice.pick(_ALPHABET) + token[cut + dice.below(2) :]


def _cut(dice: Dice, scene: Scene, token: str) -> str:
    first, second = sorted((dice.below(len(token) + 1), dice.below(len(token) + 1)))
    return dice.pick((token[:first], token[first:], token[:first] + token[second:], token[first:second]))


def _spliced(dice: Dice, scene: Scene, token: str) -> str:
    """Parts of two good tokens."""
    other = dice.pick(scene.good[dice.pick(scene.algorithms)]).text.decode().split(".")
    parts = token.split(".")
    return ".".join(dice.pick((mine, theirs)) for mine, theirs in zip(parts, other, strict=False))


def _encrypted(dice: Dice, scene: Scene, token: str) -> str:
    """Five parts: the compact form of an encrypted token (RFC 7516 §3.1)."""
    parts = [*token.split("."), "AAAA", "AAAAAAAAAAAAAAAA"]
    empty = dice.below(len(parts))
    return ".".join([*parts[:empty], dice.pick(("", parts[empty])), *parts[empty + 1 :]])


def _json(dice: Dice, scene: Scene, token: str) -> str:
    """The JSON serializations (RFC 7515 §7.2), which are good signatures and no access tokens."""
    parts = [*token.split("."), "", ""]
    signature = {"protected": parts[0], "signature": parts[2]}
    document = dice.pick(
        (
            {"payload": parts[1], **signature},
            {"payload": parts[1], "signatures": [signature]},
            {"payload": parts[1], "signatures": [], **signature},
            [token],
            token,
        )
    )
    return json_text(document).decode()


def _large(dice: Dice, scene: Scene, token: str) -> str:
    """About as long as the verifier takes, and far longer."""
    cut = dice.below(len(token) + 1)
    size = dice.pick((8191, 8192, 8193, 16_384, 100_000)) if dice.one_in(8) else dice.below(8000)
    filling = dice.pick(("A", "=", ".", " ", "_", "é"))
    return token[:cut] + filling * max(size - len(token), 1) + token[cut:]


FORMS: dict[str, Form] = {
    "dots": _dots,
    "foreign characters": _foreign,
    "something around it": _around,
    "other last bits": _last_bits,
    "padding": _padded,
    "another alphabet": _other_alphabet,
    "one character": _one_character,
    "a piece of it": _cut,
    "parts of two tokens": _spliced,
    "five parts": _encrypted,
    "a JSON serialization": _json,
    "another size": _large,
}


def formed(dice: Dice, scene: Scene, good: Good, form: Form) -> str:
    """A good token in another form."""
    return form(dice, scene, good.text.decode())
