"""No secret reaches a log, whoever wrote the line."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.jose import Key, jwt
from jotary.oauth.secret import Secret
from jotary.server.telemetry.redaction import HIDDEN, MAX_DEPTH, redact

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
        "id_token_hint",
        "new_password",
        "dbpassword",
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
        (
            "__Host-jotary-form=abc; __Host-jotary-known=def",
            f"__Host-jotary-form={HIDDEN}; __Host-jotary-known={HIDDEN}",
        ),
        ("authorization: bearer abc.def-ghi", f"authorization: bearer {HIDDEN}"),
        ("(b'Authorization', b'DPoP abc')", f"(b'Authorization', b'DPoP {HIDDEN}')"),
        ("GET /callback?state=1&code=4f9a&x=1", f"GET /callback?state=1&code={HIDDEN}&x=1"),
        ("client_secret=hunter2 new_password=hunter3", f"client_secret={HIDDEN} new_password={HIDDEN}"),
        ('{"client_secret": "hunter two", "a": 1}', f'{{"client_secret": {HIDDEN}, "a": 1}}'),
        (r'"{\"password\":\"hunter2\"}"', rf'"{{\"password\":{HIDDEN}'),
        ("User(name='ada', password='hunter \\'two', n=1)", f"User(name='ada', password={HIDDEN}, n=1)"),
        ("{'refresh_token': b'opaque'}", f"{{'refresh_token': {HIDDEN}}}"),
        (r'{"password": "hunter \"two\" three", "a": 1}', f'{{"password": {HIDDEN}, "a": 1}}'),
        ("""{'token': b"it's opaque"}""", f"{{'token': {HIDDEN}}}"),
        ("dbpassword=hunter2", f"dbpassword={HIDDEN}"),
        ("eyJhIjoxfQ.a.b.c.d", HIDDEN),  # a JWE (RFC 7516 §7.1)
        ("body: username=ada&password=hunter2&x=1", f"body: username=ada&password={HIDDEN}&x=1"),
    ],
)
def test_credentials_in_a_text_are_hidden(text: str, written: str) -> None:
    """Exception texts and libraries' lines hold them."""
    assert redacted(event=text)["event"] == written


def test_a_secret_object_shows_nothing() -> None:
    """Design §4."""
    assert "hunter2" not in repr(redacted(value=Secret("hunter2"), values=[Secret("hunter2")]))


class Account(msgspec.Struct):
    """What a renderer would write out by itself."""

    password: str


@dataclass
class Form:
    """The same."""

    client_secret: str


@pytest.mark.parametrize(
    "value",
    [
        ValueError("no good: jrt_abcdefghijklmnop"),
        b"refresh_token=jrt_abcdefghijklmnop",
        Account("hunter2"),
        Form("hunter2"),
        [("authorization", "hunter2")],
        [[b"Cookie", b"hunter2"]],
        {"jrt_abcdefghijklmnop": 1},
        {b"jrt_abcdefghijklmnop": 1},
    ],
)
def test_nothing_is_left_that_a_renderer_would_print_by_itself(value: object) -> None:
    """Exceptions, bytes, which JSON has in base64, records, and names that are secrets themselves."""
    for written in (redacted(value=value), redacted(values={"inner": [value]})):
        text = msgspec.json.encode(written).decode()
        assert HIDDEN in text
        assert not any(secret in text for secret in ("hunter2", "jrt_", "anJ0X"))


def test_a_value_that_holds_itself_is_written_as_far_as_anybody_reads() -> None:
    """A line of a log must not end the request that it is about."""
    value: dict[str, Any] = {"name": "x"}
    value["itself"] = [value]
    assert msgspec.json.encode(redacted(value=value)).count(b'"name"') == MAX_DEPTH // 2 + 1


@pytest.mark.parametrize(
    ("text", "written"),
    [("\x1b[2J\x9b", r"\x1b[2J\x9b"), ("a\ud800", r"a\ud800"), ("a\r\n\tb", "a\\x0d\n\tb"), ("é", "é")],
)
def test_a_text_rules_no_terminal_and_can_be_written(text: str, written: str) -> None:
    """Names of keys in a database that somebody has written to, or what another server says."""
    assert redacted(event=text)["event"] == written


def test_everything_else_is_left_as_it_is() -> None:
    """A log that hides too much helps nobody."""
    event = {"event": "refused", "path": "/token", "error": "invalid_grant", "n": 1, "ok": True, "none": None}
    assert redacted(**event) == event
    assert redacted(detail={"reason": "wrong secret", "presented": "web", "ids": ("a", "b")}) == {
        "detail": {"reason": "wrong secret", "presented": "web", "ids": ["a", "b"]}
    }


@pytest.mark.parametrize(
    "text",
    [
        "The authorization server does not answer: no route to host",
        "status_code=400 exit code=5",
        "the token: expired; the password was wrong",
        "token_endpoint=https://id.example/token passwords=3",
        '{"kid": "a", "token_type": "Bearer"}',
    ],
)
def test_a_text_about_secrets_is_left_as_it_is(text: str) -> None:
    """Whoever looks for the cause reads it."""
    assert redacted(event=text)["event"] == text
