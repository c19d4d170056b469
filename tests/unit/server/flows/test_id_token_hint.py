"""ID tokens as hints: only our own ID tokens are any."""

from typing import Any

import pytest

from jotary.jose import Key, KeySet, jwt
from jotary.server.flows.id_token_hint import IDTokenHint, read_hint

ISSUER = "https://id.example.com"
KEY = Key.generate("ES256")
KEYS = KeySet([KEY])


def hint(key: Key = KEY, typ: str = "JWT", **changed: Any) -> str:
    """An ID token that is changed; None leaves a claim out."""
    claims = {"iss": ISSUER, "sub": "ada", "aud": "app", "sid": "s", "iat": 1, "exp": 2, **changed}
    return jwt.sign({name: value for name, value in claims.items() if value is not None}, key, typ=typ)


def test_an_expired_id_token_is_a_good_hint() -> None:
    """RP-Initiated Logout 1.0 §4: "even when the exp time has passed"."""
    assert read_hint(hint(), KEYS, issuer=ISSUER) == IDTokenHint(subject="ada", client_id="app", session_id="s")


@pytest.mark.parametrize("sid", [None, 7, ["s"]])
def test_a_token_without_a_session_is_a_hint_of_who_is_meant(sid: Any) -> None:
    """`sid` is optional (OIDC Back-Channel Logout §2.1), and a text."""
    found = read_hint(hint(sid=sid), KEYS, issuer=ISSUER)
    assert found is not None
    assert found.session_id is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        "a.b.c",
        hint(Key.generate("ES256")),
        hint(typ="at+jwt"),
        hint(typ="logout+jwt"),
        hint(iss="https://other.example"),
        hint(iss=None),
        hint(sub=None),
        hint(aud=None),
        hint(aud=["app"]),
        hint()[:-4] + "AAAA",
        "eyJhbGciOiJub25lIn0." + hint().split(".")[1] + ".",
    ],
)
def test_nothing_else_is_one(text: str | None) -> None:
    """OIDC Core §3.1.2.1: an access token, which every API sees, must not speak for the person; nor a forged one."""
    assert read_hint(text, KEYS, issuer=ISSUER) is None
