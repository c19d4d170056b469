import datetime as dt
import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import JOSEError, strict_json

INTEGERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    """RFC 8259, with the standard library as the second reader and writer, in every layout."""
    written = strict_json.dumps(value)
    assert strict_json.loads(written) == json.loads(written) == value
    for layout in ({}, {"indent": 1}, {"separators": (" ,\t", "\r\n: ")}, {"ensure_ascii": False}):
        assert strict_json.loads(json.dumps(value, **layout).encode()) == value


@given(st.lists(st.sampled_from(["a", "b", "\u00e9", '"', "\\", ":"]), min_size=1, max_size=4), st.integers(0, 7))
def test_a_name_occurs_once_in_an_object(names: list[str], depth: int) -> None:
    """RFC 7515 §4, RFC 7519 §4: whatever the escapes, the white space, the values and the depth."""
    spellings = [json.dumps(name, ensure_ascii=bool(place % 2)) for place, name in enumerate(names)]
    members = ", ".join(f'{name} : ":{place}"' for place, name in enumerate(spellings))
    text = ('[{"a":' * depth + "{" + members + "}" + "}]" * depth).encode()
    if len(set(names)) == len(names):
        assert strict_json.loads(text) == json.loads(text)
    else:
        with pytest.raises(JOSEError, match="twice"):
            strict_json.loads(text)


@pytest.mark.parametrize("text", [b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'{"":1,"":1}', b'[[{"x":{"a":1,"a":2}}]]'])
def test_repeated_names_are_found_in_compact_text(text: bytes) -> None:
    """RFC 7515 §4."""
    with pytest.raises(JOSEError, match="twice"):
        strict_json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b'{"a":NaN}',
        b"Infinity",
        b"-Infinity",
        b"\xef\xbb\xbf{}",
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'{"\xff":1}',
        b"{'a':1}",
        b"{} {}",
        b"[1,]",
        b"[01]",
        b'"\x00"',
        "{}".encode("utf-16"),
        b"1e999",
        b"-1e999",
        b"[9223372036854775808]",
        b"[-9223372036854775809]",
        b'[[[[[[[{"a":9223372036854775808}]]]]]]]',
        b"[" + b"9" * 5000 + b"]",
    ],
)
def test_what_is_malformed_or_out_of_range_is_refused(text: bytes) -> None:
    """RFC 8259, RFC 7493 §2; the refusal does not carry what it refused."""
    with pytest.raises(JOSEError, match="bad_json") as refused:
        strict_json.loads(text)
    assert refused.value.__context__ is None


@pytest.mark.parametrize("inner", [b"", b"1", b"[]", b'{"a":1,"b":[1]}'])
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_ends_at_32(begin: bytes, end: bytes, inner: bytes) -> None:
    """Deeper text could exhaust the stack of whoever walks it."""
    own = {b"": 0, b"1": 0, b"[]": 1, b'{"a":1,"b":[1]}': 2}[inner]
    if begin != b"[" and not inner:
        inner = b"0"
    for depth in range(1, 40):
        text = begin * depth + inner + end * depth
        if depth + own <= strict_json.MAX_DEPTH:
            assert strict_json.loads(text) == json.loads(text)
        else:
            with pytest.raises(JOSEError, match="deeper than 32"):
                strict_json.loads(text)


def test_nesting_beyond_the_stack_is_refused() -> None:
    """100 000 brackets raise no RecursionError."""
    for text in (b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(JOSEError, match="bad_json"):
            strict_json.loads(text, max_size=1 << 20)


def test_a_text_that_is_too_long_is_not_read() -> None:
    """The limit counts bytes, and stands before everything else."""
    assert strict_json.loads(b'"abc"', max_size=5) == "abc"
    with pytest.raises(JOSEError, match="too_large"):
        strict_json.loads(b'"abcde', max_size=5)
    with pytest.raises(JOSEError, match="too_large"):
        strict_json.loads_object(b"{" + b" " * strict_json.MAX_SIZE + b"}")


@pytest.mark.parametrize("text", [b"[]", b"1", b'"a"', b"null", b"true"])
def test_an_object_is_expected_where_one_is(text: bytes) -> None:
    """RFC 7519 §7.2: the claims are a JSON object."""
    assert strict_json.loads_object(b'{"a":1}') == {"a": 1}
    with pytest.raises(JOSEError, match="object is expected"):
        strict_json.loads_object(text)


class Colour(enum.Enum):
    """What is no JSON."""

    RED = "red"


def nested(depth: int) -> list[Any]:
    """A list in a list, and so on."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        [math.inf],
        {"exp": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
        b"bytes",
        ("tuple",),
        {"set"},
        {1: "name"},
        {"a": 2**63},
        {"a": -(2**63) - 1},
        "\ud800",
        object(),
        Colour.RED,
        nested(33),
        nested(2000),
    ],
)
def test_what_would_not_be_read_the_same_is_not_written(value: Any) -> None:
    """A claim that silently changes on the way is worse than an error."""
    with pytest.raises(JOSEError, match="bad_json") as refused:
        strict_json.dumps(value)
    assert refused.value.__context__ is None


def test_text_is_compact_utf8_in_order() -> None:
    """No white space, no escapes but the needed ones, members as given."""
    assert strict_json.dumps({"b": "é", "a": [1, 1.5, None, True]}) == '{"b":"é","a":[1,1.5,null,true]}'.encode()
