"""The oracle says of a token what the standards say, and every stage of it is reached."""

import json
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from jotary.jose import base64url

Fuzz = Callable[[str], ModuleType]
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
def scene(campaign: Any) -> Any:
    """Tokens of RFC 9068."""
    campaign.own.forget()
    return campaign.own


def test_a_good_token_is_legitimate_and_no_part_of_it_may_change(scene: Any, fuzz: Fuzz) -> None:
    """RFC 7515 §5.2."""
    legitimate = fuzz("oracle").Stage.LEGITIMATE
    for goods in scene.good.values():
        text = goods[0].text.decode()
        assert scene.judge(text).stage is legitimate
        for place in range(0, len(text), 7):
            changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
            assert scene.judge(changed).stage is not legitimate


def test_the_other_ecdsa_signature_of_the_same_content_is_legitimate(scene: Any, fuzz: Fuzz) -> None:
    """SEC 1 §4.1.4: (r, n - s) verifies as (r, s) does; the content is what the issuer signed, so it does no harm."""
    header, payload, signature = scene.good["ES256"][0].text.decode().split(".")
    raw = base64url.decode(signature)
    other = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    token = f"{header}.{payload}.{base64url.encode(other)}"
    assert scene.judge(token).stage is fuzz("oracle").Stage.LEGITIMATE
    assert scene.verifier.verify(token).subject == "person-1"


def test_what_the_issuer_never_signed_is_hostile_under_any_signature(scene: Any, fuzz: Fuzz) -> None:
    """The signature of a stranger over good content verifies, with a key that nobody published."""
    good = scene.good["ES256"][0]
    header, payload = (base64url.decode(part) for part in good.parts[:2])
    stage = fuzz("oracle").Stage.SIGNATURE
    assert scene.judge(scene.sign("ES256", header, payload, scene.keys.stranger["ES256"])).stage is stage
    assert scene.judge(scene.sign("ES256", header, payload)).stage is fuzz("oracle").Stage.LEGITIMATE
    unsigned = good.parts[0] + b"." + base64url.encode_bytes(payload + b" ") + b"." + good.parts[2]
    assert scene.judge(unsigned) == (stage, frozenset({"signature"}))


@pytest.mark.parametrize(
    ("claim", "value", "broken"),
    [
        ("iss", "https://id.example/", {"iss"}),
        ("aud", ["https://api.example/todo", 1], {"aud"}),
        ("exp", 1_800_000_000 - 5, {"exp"}),
        ("exp", True, {"exp"}),
        ("nbf", None, {"nbf"}),
        ("iat", 1_800_000_006, {"iat"}),
        ("sub", "", {"sub"}),
        ("sid", 1, {"sid"}),
        ("scope", "a  b", {"scope"}),
        ("scope", "a b", set()),
        ("jti", [], {"jti"}),
        ("extra", {"any": "thing"}, set()),
    ],
)
def test_claims_break_the_rule_of_their_name(scene: Any, claim: str, value: Any, broken: set[str]) -> None:
    """RFC 7519 §4.1, RFC 9068 §2.2."""
    good = scene.good["EdDSA"][0]
    header, payload = (base64url.decode(part) for part in good.parts[:2])
    claims = {**json.loads(payload), claim: value}
    assert scene.judge(scene.sign("EdDSA", header, json.dumps(claims).encode())).broken == broken


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":9223372036854775808}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":"\\ud800"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
        b"[]",
        b'{"a":1}x',
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_json_with_two_meanings_is_none(fuzz: Fuzz, text: bytes) -> None:
    """RFC 8259 §4, §6, §8; RFC 7493 §2."""
    assert fuzz("rules").read_object(text) is None
    assert fuzz("rules").read_object(b' {"a":' + b"[" * 31 + b"]" * 31 + b"}\n") is not None


def test_the_grammar_reaches_every_stage(scene: Any, fuzz: Fuzz) -> None:
    """Each check of the verifier has tokens that only it can stop."""
    dice = fuzz("dice").Seeded("stages")
    stages: Counter[str] = Counter()
    for _ in range(3000):
        token = fuzz("grammar.forge").forge(dice, scene).token
        judgement = scene.judge(token)
        stages.update([judgement.stage.name, *judgement.broken])
    assert {stage.name for stage in fuzz("oracle").Stage} <= stages.keys()
    checks = {"alg", "kid", "crit", "signature", "token", "typ", "iss", "aud", "exp", "iat", "nbf", "sub", "client_id"}
    assert checks | {"jti", "scope", "sid"} <= stages.keys()
