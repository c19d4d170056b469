"""Claims read from the text in one step are those that strict JSON reads: no text has two meanings (RFC 7515 §4)."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jotary.jose import JOSEError, strict_json
from jotary.tokens.access_token import Usual, access_token_claims, usual_text

CLAIMS = access_token_claims(
    issuer="https://id.example.com",
    subject="alice",
    audience=["https://todo.example.com"],
    client_id="web",
    scopes=("todo:read", "todo:write"),
    session_id="s1",
    jti="j1",
    now=1_800_000_000,
    lifetime=300,
    authenticated_at=1_799_999_990,
    methods=("pwd", "otp"),
)
NAMES = (*CLAIMS, "nbf")
TEXT = msgspec.json.encode(CLAIMS)


def escaped(text: str) -> str:
    r"""Every character as `\\uXXXX`: quotes do not show."""
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'


_STRINGS = st.sampled_from(["x", "", 'a"b', "\\", "é", "\U0001f600", 'x","sub":"eve', "\0"])
_SPELT = st.one_of(_STRINGS.map(json.dumps), _STRINGS.map(lambda text: json.dumps(text, ensure_ascii=False)))
_NUMBERS = ["0", "-0", "1", "-1", "1.0", "1e3", "1e400", "NaN", "Infinity", "01", "9007199254740992", "9" * 20]
_OTHERS = ["true", "null", "[]", "{}", "[[]]", '["a"]', '["a","a"]', "[1]", '[""]', '{"a":"b"}', '{"a":1,"a":2}', ","]
_TEXTS = [r'"\ud800"', r'"\ud83d\ude00"', r'"\/"', r'"\x"', r'"\u0022"', '"', "'"]
_RAW = st.sampled_from([*_NUMBERS, *_OTHERS, *_TEXTS])
_VALUES = st.one_of(_RAW, _SPELT, _STRINGS.filter(str.isprintable).map(escaped))
_NAMES = st.one_of(
    st.sampled_from(NAMES).map(json.dumps),
    st.sampled_from(NAMES).map(escaped),
    st.sampled_from(["other", "", 'i"ss', "iss\0", "ISS"]).map(json.dumps),
)
_SPACE = st.sampled_from(["", "", "", " ", "\t\r\n"])
_AROUND = st.sampled_from(["", " ", "\n", "\v", "x", "\ufeff", "\0", "{}", ",", '"', "//"])
_WITHIN = st.sampled_from([b"", b'"', b"\\", b"\v", b"\xff", b"\xed\xa0\x80"])


@st.composite
def hostile_texts(draw: st.DrawFn) -> bytes:
    """The members of a token, some left out, spelt otherwise, with other values, or once more."""
    members = [(json.dumps(name), json.dumps(value)) for name, value in CLAIMS.items()]
    left_out = draw(st.sets(st.sampled_from(["scope", "sid", "auth_time", "amr"])))
    members = [(name, value) for name, value in members if json.loads(name) not in left_out]
    members += draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=1))
    if draw(st.integers(0, 2)) == 0:  # the same again, spelt in one way or another
        name, value = draw(st.sampled_from(members))
        again = json.loads(name)
        members.append(
            (escaped(again) if draw(st.booleans()) else json.dumps(again), draw(st.sampled_from([value, '"x"', "7"])))
        )
    space = draw(_SPACE)
    inner = f"{space},{space}".join(f"{name}{space}:{value}" for name, value in draw(st.permutations(members)))
    text = "{" + space + inner + "}"
    if draw(st.booleans()):
        return text.encode()
    spoilt = (draw(_AROUND) + text + draw(_AROUND)).encode()
    at = draw(st.integers(0, len(spoilt)))
    return spoilt[:at] + draw(_WITHIN) + spoilt[at:]


def slowly(text: bytes) -> Usual | None:
    """What strict JSON and a look at the types make of it."""
    try:
        return msgspec.convert(strict_json.loads_object(text), Usual)
    except (JOSEError, msgspec.ValidationError):
        return None


def members_of(said: Usual) -> dict[str, Any]:
    """Those that every token can have."""
    return {name: getattr(said, name) for name in Usual.__struct_fields__}


@settings(max_examples=1000, deadline=None)
@given(hostile_texts())
@example(TEXT)
@example(TEXT[:-1] + b',"sub":"eve"}')
@example(TEXT[:-1] + rb',"\u0073ub":"eve"}')
@example(TEXT.replace(b'"alice"', rb'"\"alice\""'))
@example(TEXT[:-1] + b',"iat":1}')
@example(TEXT[:-1] + b',"amr":[]}')
@example(b'{"amr":["a","b","c"],' + TEXT[1:])
@example(TEXT[:-1] + b',"nbf":0}')
@example(b"\xef\xbb\xbf" + TEXT)
def test_a_text_is_read_as_strict_json_reads_it(text: bytes) -> None:
    """RFC 7515 §4, RFC 8259, RFC 7493: or not at all."""
    said = usual_text(text)
    if said is not None:
        found = slowly(text)
        assert found is not None
        assert members_of(said) == members_of(found)


@pytest.mark.parametrize(
    "absent", [(), ("scope",), ("sid",), ("auth_time", "amr"), ("scope", "sid", "auth_time", "amr")]
)
@pytest.mark.parametrize("more", [{}, {"nbf": 1_800_000_000}])
def test_what_the_server_writes_is_read(absent: tuple[str, ...], more: dict[str, int]) -> None:
    """RFC 9068 §2.2: for a person, for a client alone, and with `nbf`; in any layout."""
    said = {name: value for name, value in CLAIMS.items() if name not in absent} | more
    for text in (msgspec.json.encode(said), json.dumps(said, indent=1).encode(), json.dumps(said).encode() + b"\n"):
        read, found = usual_text(text), slowly(text)
        assert read is not None
        assert found is not None
        assert members_of(read) == members_of(found)


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-1] + b',"sub":"alice"}',
        TEXT[:-1] + b',"iat":1800000000}',
        TEXT[:-1] + rb',"\u0061mr":["pwd","otp"]}',
        TEXT[:-1] + b',"auth_time":1799999990}',
        TEXT[:-1] + b',"nbf":0,"nbf":0}',
    ],
)
def test_a_repeated_name_is_seen(text: bytes) -> None:
    """RFC 7515 §4: also where both say the same."""
    assert usual_text(text) is None
    with pytest.raises(JOSEError, match="twice"):
        strict_json.loads_object(text)


@pytest.mark.parametrize("name", ["other", "", "ISS", "iss\0"])
def test_a_claim_of_ones_own_is_left_to_strict_json(name: str) -> None:
    """RFC 7519 §4.3: it may hold what only strict JSON refuses."""
    assert usual_text(msgspec.json.encode({**CLAIMS, name: 1})) is None
    for value in (b"[" * 5000, b"[" * 5000 + b"]" * 5000, b'"\xff"', b"1e400"):
        assert usual_text(TEXT[:-1] + b',"' + name.encode().replace(b"\0", b"") + b'x":' + value + b"}") is None


def test_a_text_is_bounded() -> None:
    """As `strict_json` bounds it, in bytes."""
    longest = TEXT + b" " * (strict_json.MAX_SIZE - len(TEXT))
    assert usual_text(longest) is not None
    assert usual_text(longest + b" ") is None
