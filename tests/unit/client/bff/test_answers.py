"""The application's own answers: fixed text, in the right form, stored nowhere."""

from jotary.client.bff.answers import page, problem, redirect, with_cookies


def test_a_problem_is_said_as_programs_read_it() -> None:
    """RFC 9457 §3."""
    answer = problem(403, "Not from here.", headers={"Retry-After": "5"})
    assert answer.status_code == 403
    assert answer.body == b'{"type":"about:blank","title":"Forbidden","status":403,"detail":"Not from here."}'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["retry-after"] == "5"


def test_a_page_shows_text_as_text() -> None:
    """Nothing that is put into it becomes markup, in text or in attributes."""
    evil = "\"><script>alert('1')</script>&"
    answer = page(400, evil, evil, link=evil, link_text=evil)
    assert bytes(answer.body).count(b"&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;") == 5
    assert b"<script" not in answer.body
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


def test_a_redirect_keeps_every_byte_of_its_target() -> None:
    """RFC 9110 §10.2.2: it is encoded already, and encoding it again would change it."""
    target = "https://app.example/a;b=1/%2B?c[]=2&d='x'#e"
    answer = redirect(target)
    assert answer.status_code == 303
    assert answer.headers["location"] == target
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_each_cookie_is_a_header_of_its_own() -> None:
    """RFC 6265 §3: they are never folded into one."""
    answer = with_cookies(redirect("/"), ["a=1", "b=2"])
    assert answer.headers.getlist("set-cookie") == ["a=1", "b=2"]
