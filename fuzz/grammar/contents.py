"""What is done to the members of a header or of claims, before the object is written."""

from collections.abc import Callable

from fuzz.dice import Dice
from fuzz.grammar.values import hostile, nested
from fuzz.scene import Members, Scene, json_text, spelled

#: Takes the members and returns the text that stands in their place.
Edit = Callable[[Dice, Scene, Members], bytes]

_BLANKS = (b" ", b"\n", b"\t", b"\r\n", b"\x0b", b"\xc2\xa0", b"\0", b"//x\n")
_WRAPPINGS = (
    (b"\xef\xbb\xbf", b""),  # a byte order mark
    (b"", b"\0"),
    (b"", b"{}"),
    (b"[", b"]"),
    (b'"', b'"'),
    (b"(", b")"),
    (b")]}',\n", b""),
    (b"", b","),
    (b"", b"}"),
    (b"\n ", b" \n"),  # which JSON allows
    (b"/* */", b""),
)
_OBJECTS = (b"", b"null", b"[]", b"{}", b'"x"', b"1", b"true", b"{", b"}", b"\x00", b"\xff\xfe", b"%PDF-1.7")


def replaced(dice: Dice, content: Members, name: bytes, value: bytes) -> bytes:
    """Write the members with this one in the place of its namesake, or anywhere if it is new."""
    others = [(key, old) for key, old in content if key != name]
    place = next((index for index, (key, _) in enumerate(content) if key == name), dice.below(len(others) + 1))
    return spelled([*others[:place], (name, value), *others[place:]])


def a_value(dice: Dice, scene: Scene, content: Members) -> bytes:
    """Any member has any value."""
    name, _ = dice.pick(content)
    return replaced(dice, content, name, hostile(dice))


def a_stranger(dice: Dice, scene: Scene, content: Members) -> bytes:
    """A member that nobody knows has any value."""
    return replaced(dice, content, b'"x-%d"' % dice.below(100), hostile(dice))


def a_removal(dice: Dice, scene: Scene, content: Members) -> bytes:
    """A member is not there."""
    place = dice.below(len(content))
    return spelled([*content[:place], *content[place + 1 :]])


def a_repetition(dice: Dice, scene: Scene, content: Members) -> bytes:
    """A member is there twice, the second time perhaps under another spelling of its name, or in another object."""
    name, value = dice.pick(content)
    other = value if dice.one_in(3) else hostile(dice)
    letter = dice.below(max(len(name) - 2, 1)) + 1
    escaped = name[:letter] + b"\\u%04x" % name[letter] + name[letter + 1 :] if len(name) > 2 else name
    place = dice.below(len(content) + 1)
    return spelled([*content[:place], (dice.pick((name, escaped)), other), *content[place:]])


def an_order(dice: Dice, scene: Scene, content: Members) -> bytes:
    """The members stand in another order, and white space between them: all of that is allowed, if it is JSON's own."""
    place = dice.below(len(content))
    blank = dice.pick(_BLANKS)
    turned = [*content[place:], *content[:place]]
    return b"{" + blank + (b"," + blank).join(name + b":" + blank + value for name, value in turned) + b"}"


def a_wrapping(dice: Dice, scene: Scene, content: Members) -> bytes:
    """Something stands around the object."""
    before, after = dice.pick(_WRAPPINGS)
    return before + spelled(content) + after


def an_encoding(dice: Dice, scene: Scene, content: Members) -> bytes:
    """The object is not in UTF-8, or only nearly."""
    text = spelled(content).decode("utf-8", "replace")
    encoded = text.encode(dice.pick(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp500")), "replace")
    return encoded if dice.one_in(2) else dice.pick((b"\x80", b"\xc3\x28", b"\xf4\x90\x80\x80")) + text.encode()


def no_object(dice: Dice, scene: Scene, content: Members) -> bytes:
    """Something else."""
    return dice.pick((dice.pick(_OBJECTS), nested(dice), hostile(dice), dice.octets(dice.below(40))))


def a_byte(dice: Dice, scene: Scene, content: Members) -> bytes:
    """One byte of the text is another one, is missing, or is there twice."""
    text = spelled(content)
    place = dice.below(len(text))
    middle = dice.pick((b"", text[place : place + 1] * 2, dice.octets(1)))
    return text[:place] + middle + text[place + 1 :]


def a_name(dice: Dice, scene: Scene, content: Members) -> bytes:
    """A member's name is nearly its name."""
    place = dice.below(len(content))
    name, value = content[place]
    bare = name[1:-1].decode()
    other = dice.pick((bare.upper(), f"{bare} ", f"{bare}\0", bare[:-1], f"{bare}s", f"\ufeff{bare}"))
    return spelled([*content[:place], (json_text(other), value), *content[place + 1 :]])


ANYWHERE: dict[str, Edit] = {
    "a member of another kind": a_value,
    "an unknown member": a_stranger,
    "a member missing": a_removal,
    "a member twice": a_repetition,
    "another order and white space": an_order,
    "something around the object": a_wrapping,
    "another character encoding": an_encoding,
    "no object": no_object,
    "one byte changed": a_byte,
    "a name misspelled": a_name,
}
