"""No secret reaches a log, whoever wrote the line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import Key, jwt
from jotary.oauth.secret import Secret
from jotary.server.telemetry.redaction import HIDDEN, redact

BASE64URL = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", min_size=16, max_size=60)


def redacted(**event: Any) -> dict[str, Any]:
    """The event as it would be written."""
    return dict(redact(None, "info", event))


@pytest.mark.parametrize(
    "name",
    [
        "access_token",
        "refresh_token",
        "id_token",
        "client_secret",
        "client_assertion",
        "code_verifier",
        "csrf_token",
        "password",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "token",
        "secret",
    ],
)
def test_a_value_with_a_secret_s_name_is_hidden(name: str) -> None:
    """RFC 6749 §10.3 and RFC 7617 §4, at any depth of the line."""
    assert redacted(**{name: "abc"})[name] == HIDDEN
    assert redacted(detail={"parameters": [{name: "abc"}]}) == {"detail": {"parameters": [{name: HIDDEN}]}}


@given(BASE64URL, st.sampled_from(["jrt_", "jac_", "jcs_"]), st.text(" '\"(=,;:", min_size=1, max_size=3))
def test_our_own_secrets_are_hidden_wherever_they_stand(secret: str, prefix: str, around: str) -> None:
    """Refresh tokens, codes and client secrets are known by their prefix."""
    (written,) = redacted(event=f"failed for{around}{prefix}{secret}{around}at last").values()
    assert written == f"failed for{around}{HIDDEN}{around}at last"


def test_a_jwt_is_hidden_wherever_it_stands() -> None:
    """RFC 7519: whoever reads it can use it. The access log writes id_token_hint with its query."""
    token = jwt.sign({"sub": "ada"}, Key.generate("ES256"), typ="JWT")
    assert (
        redacted(event=f'"GET /logout?id_token_hint={token}&x=1"')["event"]
        == f'"GET /logout?id_token_hint={HIDDEN}&x=1"'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Authorization: Basic YWRhOmh1bnRlcjI=", f"Authorization: Basic {HIDDEN}"),
        ("Authorization: Bearer abc.def-ghi", f"Authorization: Bearer {HIDDEN}"),
        ("connect to postgresql://jotary:hunter2@db/x", f"connect to postgresql://{HIDDEN}@db/x"),
        ("Cookie: __Host-jotary=abcDEF_-1; a=b", f"Cookie: __Host-jotary={HIDDEN}; a=b"),
        ("body: username=ada&password=hunter2&x=1", f"body: username=ada&password={HIDDEN}&x=1"),
    ],
)
def test_credentials_in_a_text_are_hidden(text: str, written: str) -> None:
    """Exception texts and libraries' lines hold them."""
    assert redacted(event=text)["event"] == written


def test_a_secret_object_shows_nothing() -> None:
    """Design §4."""
    assert "hunter2" not in repr(redacted(value=Secret("hunter2"), values=[Secret("hunter2")]))


def test_everything_else_is_left_as_it_is() -> None:
    """A log that hides too much helps nobody."""
    event = {"event": "refused", "path": "/token", "error": "invalid_grant", "n": 1, "ok": True, "none": None}
    assert redacted(**event) == event
    assert redacted(detail={"reason": "wrong secret", "presented": "web", "ids": ("a", "b")}) == {
        "detail": {"reason": "wrong secret", "presented": "web", "ids": ["a", "b"]}
    }
