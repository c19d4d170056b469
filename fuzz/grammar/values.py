"""JSON values that an honest issuer never writes, as text, and spellings of a string that are nearly that string."""

import json

from fuzz.dice import Dice

_NOT_JSON = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"undefined",
    b"'x'",
    b"0x10",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"1/**/",
    b'"open',
    b'"\xff"',
    b'"\xed\xa0\x80"',  # a surrogate in UTF-8
    b'"\xc0\x80"',  # an overlong NUL
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\x41"',
    b'"\x00"',
    b"[1,]",
    b'{"a":1,}',
    b'{"a":1,"a":2}',
    b'{"a":{"b":1,"\\u0062":2}}',
    b"",
)
_NUMBERS = (
    b"0",
    b"-0",
    b"-0.0",
    b"1",
    b"-1",
    b"1.5",
    b"1e3",
    b"1e308",
    b"5e-324",
    b"1e-999",
    b"2147483648",
    b"9007199254740991",
    b"9007199254740992",
    b"9007199254740993.0",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551615",
    b"18446744073709551616",
    b"1" + b"0" * 400,
    b"0." + b"3" * 400,
    b"1" * 5000,
)
_OTHERS = (
    b"null",
    b"true",
    b"false",
    b'""',
    b'" "',
    b'"\\u0000"',
    b'"\\ud83d\\ude00"',
    b'"1800000300"',
    b'"__proto__"',
    b'"' + b"A" * 3000 + b'"',
    b"[]",
    b"{}",
    b"[null]",
    b'[""]',
    b"[[]]",
    b'["a","a"]',
    b'{"":{}}',
    b'{"__proto__":{"admin":true}}',
    b"[" + b"0," * 1500 + b"0]",
)
_LOOKALIKES = {"a": "а", "e": "е", "i": "і", "o": "о", "/": "∕", ".": "．", "h": "һ"}  # noqa: RUF001 -- that is the point


def hostile(dice: Dice) -> bytes:
    """A value of any kind, JSON or not."""
    kind = dice.below(10)
    if kind < 3:
        return dice.pick(_NUMBERS)
    if kind < 6:
        return dice.pick(_OTHERS)
    if kind < 9:
        return dice.pick(_NOT_JSON)
    return nested(dice)


def nested(dice: Dice) -> bytes:
    """Arrays or objects, about as deep as a reader takes them, or far deeper."""
    depth = dice.pick((5, 6, 30, 31, 32, 33, 100, 900, 2000))
    if dice.one_in(2):
        return b"[" * depth + b"]" * depth
    return b'{"a":' * depth + b"1" + b"}" * depth


def near(dice: Dice, text: str) -> bytes:
    """JSON for a text that is nearly this one, or is it in another shape."""
    return _NEAR[dice.below(len(_NEAR))](dice, text)


def _text(value: object) -> bytes:
    return json.dumps(value).encode()


def _raw(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _swapped(dice: Dice, text: str) -> bytes:
    places = [place for place, letter in enumerate(text) if letter in _LOOKALIKES]
    if not places:
        return _raw(text + "̸")  # a combining character behind it
    place = dice.pick(places)
    return _raw(text[:place] + _LOOKALIKES[text[place]] + text[place + 1 :])


def _cut(dice: Dice, text: str) -> bytes:
    return _text(text[: dice.below(len(text) + 1)])


def _inserted(dice: Dice, text: str) -> bytes:
    place = dice.below(len(text) + 1)
    return _text(
        text[:place] + dice.pick(("\0", " ", "\n", "%2e", "..", "@", "#", "?", "*", "\u200b", "\\")) + text[place:]
    )


_NEAR = (
    lambda _, text: _text(text + "/"),
    lambda _, text: _text(text.rstrip("/")[:-1]),
    lambda _, text: _text(text.upper()),
    lambda _, text: _text(text.replace("https://", "http://")),
    lambda _, text: _text(text.replace("://", "://evil.example@")),
    lambda _, text: _text(text.replace("://", "://evil.")),
    lambda _, text: _text(text + ".evil.example"),
    lambda _, text: _text(text + ":443"),
    lambda _, text: _text(f" {text}"),
    lambda _, text: _text(f"{text}\0"),
    lambda _, text: _text([text]),
    lambda _, text: _text([[text]]),
    lambda _, text: _text({text: text}),
    lambda _, text: _text([text, 1]),
    lambda _, text: _text([text, ""]),
    lambda _, text: _text(f"{text} {text}"),
    lambda _, text: _text(f"{text},{text}"),
    lambda _, text: b'"' + b"".join(b"\\u%04x" % ord(letter) for letter in text) + b'"',  # the very same text
    _swapped,
    _cut,
    _inserted,
)
