"""`/inspect` in a real browser: it says what `jotary explain` says, and a token never leaves it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route

import jotary.server.web
from jotary.jose import JOSEError, Key, base64url, jws, strict_json
from jotary.jose.algorithms import DEFAULT_ALGORITHMS
from jotary.oauth.secret import Secret
from jotary.server.app import create_app
from jotary.server.settings import Settings
from jotary.testing import FrozenClock, TestIssuer
from jotary.testing.broken_tokens import broken_tokens
from jotary.verifier.explain import CHECKS

if TYPE_CHECKING:
    from tests.browser.conftest import Port

STATIC = Path(jotary.server.web.__file__).parent / "static"
JWKS = "/.well-known/jwks.json"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, port: "Port") -> str:
    """The server on a free port, in a thread."""
    origin, serve = port()
    folder = tmp_path_factory.mktemp("server")
    app = create_app(Settings(issuer=origin, database=f"sqlite:///{folder}/jotary.db", secret=Secret("s" * 40)))
    serve(app)
    return origin


@pytest.fixture(scope="module")
def issuer(origin: str) -> TestIssuer:
    """Signs what the server would sign, and much that it never would, at a time that stands still."""
    return TestIssuer(origin, audience="https://todo.example.com", clock=FrozenClock())


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile."""
    context = chromium.new_context()
    context.set_default_timeout(15_000)
    yield context
    context.close()


class Inspector:
    """The page, the requests that it made, and what the browser said about it."""

    def __init__(self, context: BrowserContext, origin: str, issuer: TestIssuer, *, real_keys: bool = False) -> None:
        self.origin, self.issuer = origin, issuer
        self.page: Page = context.new_page()
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 -- Playwright marks what it calls, and a list's method takes no mark
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if not real_keys:
            self.page.clock.set_fixed_time(issuer.clock())
            # Whose private key no test can have is the server's own: here it publishes another one's.
            self.page.route(f"**{JWKS}", self._answer)
        self.page.goto(f"{origin}/inspect")

    def _answer(self, route: Route) -> None:
        route.fulfill(json=self.issuer.jwks())

    def say(self, token: str, audience: str | None = None) -> None:
        """Type the audience, paste the token, and wait for what it says."""
        self.page.get_by_label("Audience").fill(self.issuer.audience if audience is None else audience)
        self.page.locator("#token").fill("")
        self.page.locator("#result").wait_for(state="hidden")
        self.page.locator("#token").fill(token)
        self.page.locator("#result").wait_for(state="visible")

    def checks(self) -> dict[str, str]:
        """The verdicts by check, in the order in which they stand on the page."""
        rows: list[list[str]] = self.page.locator("#checks li").evaluate_all(
            "rows => rows.map(row => [row.dataset.check, row.dataset.verdict])"
        )
        return {name: verdict for name, verdict in rows}  # noqa: C416 -- of pairs that are lists

    def failed(self) -> list[str]:
        """The names in red."""
        return [name for name, verdict in self.checks().items() if verdict == "failed"]

    def text(self, part: str = "#result") -> str:
        """What a person reads there."""
        return self.page.locator(part).inner_text()


Open = Callable[..., Inspector]


@pytest.fixture
def inspector(context: BrowserContext, origin: str, issuer: TestIssuer) -> Iterator[Inspector]:
    """One page, about which the browser had nothing to complain, such as that its policy was violated."""
    inspector = Inspector(context, origin, issuer)
    yield inspector
    assert inspector.complaints == []


def test_a_good_token_passes_every_check_but_the_one_that_the_page_cannot_make(inspector: Inspector) -> None:
    """RFC 9068 §4; in the words and the order of `jotary explain`."""
    inspector.say(inspector.issuer.token("ada", scopes=["todo:read"]))
    assert list(inspector.checks()) == list(CHECKS)
    assert {name for name, verdict in inspector.checks().items() if verdict != "passed"} == {"revoked"}
    assert inspector.text("#verdict").startswith("Nothing is wrong with it")
    assert "expires in 5 min" in inspector.text("#claims")
    assert '"ada"' in inspector.text("#claims")


def test_the_broken_check_is_the_one_in_red(inspector: Inspector) -> None:
    """The corpus of `jotary explain`: one mutation for each check."""
    corpus = broken_tokens(inspector.issuer)
    assert [*corpus, "revoked"] == list(CHECKS)
    for name, token in corpus.items():
        inspector.say(token)
        assert inspector.failed() == [name]
        assert inspector.text("#verdict").startswith(f"Refused, by {name}. ")
        why = inspector.text(f"#checks li[data-check={name}]")
        assert all(word in why for word in ("expected", "standard", "change")), name


def test_without_an_audience_it_is_undecided(inspector: Inspector) -> None:
    """Nothing expected is optional (design §4)."""
    inspector.say(inspector.issuer.token(), audience="")
    assert inspector.checks()["aud"] == "skipped"
    assert inspector.text("#verdict").startswith("Undecided")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA", "ES384", "ES512"])
def test_signatures_are_verified_with_webcrypto(context: BrowserContext, origin: str, algorithm: str) -> None:
    """RFC 7518 §3, RFC 8037 §3.1: a good one holds, one of another key does not."""
    issuer = TestIssuer(origin, audience="https://todo.example.com", algorithm=algorithm, clock=FrozenClock())
    inspector = Inspector(context, origin, issuer)
    inspector.say(issuer.token())
    assert inspector.checks()["signature"] == "passed", inspector.text()
    inspector.say(issuer.token(key=Key.generate(algorithm, kid=issuer.signing_key.kid)))
    assert inspector.failed() == ["signature"]
    assert "anybody may have written" in inspector.text("#warning")


def test_a_browser_that_cannot_verify_says_so(context: BrowserContext, origin: str, issuer: TestIssuer) -> None:
    """Undecided, and never accepted."""
    context.add_init_script("crypto.subtle.importKey = () => Promise.reject(new DOMException('', 'NotSupportedError'))")
    inspector = Inspector(context, origin, issuer)
    inspector.say(issuer.token())
    assert inspector.checks()["signature"] == "skipped"
    assert "jotary explain" in inspector.text("#checks li[data-check=signature]")
    assert inspector.text("#verdict").startswith("Undecided")


def test_a_token_never_leaves_the_page(context: BrowserContext, origin: str, issuer: TestIssuer) -> None:
    """No request while it is there, and nothing of it in the address, the history or what is stored."""
    inspector = Inspector(context, origin, issuer)
    inspector.page.wait_for_load_state("networkidle")
    before = len(inspector.requests)
    assert {request.url.removeprefix(origin).partition("?")[0] for request in inspector.requests} == {
        *("/inspect", JWKS, "/static/jotary.css", "/static/inspect.css", "/static/mark.svg", "/static/rosette.svg"),
        *(f"/static/{file.name}" for file in STATIC.glob("*.js")),
    }
    token = issuer.token()
    inspector.say(token)
    inspector.page.wait_for_timeout(500)
    assert inspector.requests[before:] == []
    assert inspector.page.url == f"{origin}/inspect"
    kept = inspector.page.evaluate(
        "async () => JSON.stringify([localStorage, sessionStorage, document.cookie, history.state, history.length,"
        " await caches.keys(), await indexedDB.databases(), document.querySelector('form')])"
    )
    assert json.loads(kept)[:4] == [{}, {}, "", None]
    assert json.loads(kept)[5:] == [[], [], None]
    assert not any(part in kept for part in token.split("."))
    assert all(token.split(".")[1] not in (request.post_data or "") + request.url for request in inspector.requests)
    signature = token.split(".")[2]
    assert signature not in inspector.page.locator("#result").evaluate("part => part.outerHTML")


def test_the_page_is_empty_when_somebody_comes_back_to_it(inspector: Inspector) -> None:
    """Whoever uses the machine next, and presses "back"."""
    inspector.say(inspector.issuer.token())
    inspector.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")  # also where pages are kept whole
    assert inspector.page.locator("#token").input_value() == ""
    assert inspector.page.locator("#result").is_hidden()
    inspector.say(inspector.issuer.token())
    inspector.page.goto(f"{inspector.origin}/sign-in")
    inspector.page.go_back()
    assert inspector.page.locator("#token").input_value() == ""
    inspector.page.locator("#token").fill("x")
    inspector.page.reload()
    assert inspector.page.locator("#token").input_value() == ""


def test_the_policy_lets_the_script_read_the_keys_and_nothing_else(
    context: BrowserContext, origin: str, issuer: TestIssuer
) -> None:
    """CSP 3: whatever went wrong in the script, the browser would not send it."""
    inspector = Inspector(context, origin, issuer)
    for target in ("/token", f"/inspect?{'x' * 9}", "/.well-known/openid-configuration", "https://evil.example/"):
        refused = inspector.page.evaluate("url => fetch(url).then(() => false, () => true)", target)
        assert refused, target
    assert not inspector.page.evaluate("navigator.sendBeacon('/token', 'x')") or "connect-src" in str(
        inspector.complaints
    )
    policy = inspector.page.request.get(f"{origin}/inspect").headers["content-security-policy"]
    assert f"connect-src {origin}{JWKS};" in policy
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy
    with pytest.raises(Exception, match="TrustedHTML"):
        inspector.page.evaluate("document.body.innerHTML = '<b>x</b>'")


def hostile(issuer: TestIssuer) -> list[str]:
    """What somebody writes who wants to run a script, to deceive, or to bring the page down."""
    claims: dict[str, Any]
    script = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
    claims = {script: script, "iss": script, "aud": [script], "__proto__": script, "constructor": 1}
    return [
        issuer.token(script, **claims),
        issuer.token("\u202eevil\u2066", name="\u0430pi\u200b\u0000"),
        script,
        "\u202e.\u2066.\u0000",
        issuer.token()[:-1],
        "." * 3,
        "A" * (1 << 20),
        f"{'A' * 4000}.{'A' * 4000}.",
        signed(issuer, b'{"a":' * 2000 + b"1" + b"}" * 2000),
        signed(issuer, b"[" * 7000),
    ]


def signed(issuer: TestIssuer, payload: bytes) -> str:
    """Under a good signature, which an insider can have."""
    return jws.sign_with(
        payload, issuer.signing_key, "ES256", base64url.encode_bytes(b'{"alg":"ES256","typ":"at+jwt"}')
    )


def test_hostile_tokens_are_shown_as_text(inspector: Inspector) -> None:
    """CWE-79, CWE-1007, CWE-400: printable ASCII, no markup, no crash."""
    title = inspector.page.title()
    tokens = hostile(inspector.issuer)
    honest = tokens[1]  # of a person whose name reads backwards
    for token in tokens:
        inspector.say(token)
        assert inspector.text("#verdict").startswith("Nothing is wrong" if token is honest else "Refused")
        said = inspector.page.locator("#result").evaluate("part => part.textContent")
        assert re.fullmatch(r"[ -~\n\u00a7]*", said), token[:80]
        assert inspector.page.locator("#result script, #result img").count() == 0
    assert inspector.page.title() == title


@pytest.mark.parametrize(
    ("payload", "is_read"),
    [
        (b'{"a":1}', True),
        (b' {"a" : [ true , null , -1.5e3 , "\\u00e9\\ud83d\\ude00" ] } ', True),
        (b'{"__proto__":{"a":1}}', True),
        (b'{"a":9223372036854775807}', True),
        (b'{"a":9223372036854775808}', False),
        (b'{"a":1,"a":1}', False),
        (b'{"a":{"b":1,"\\u0062":2}}', False),
        (b'{"a":01}', False),
        (b'{"a":1.}', False),
        (b'{"a":+1}', False),
        (b'{"a":1e999}', False),
        (b'{"a":NaN}', False),
        (b'{"a":"\\ud800"}', False),
        (b'{"a":"\n"}', False),
        (b'{"a":1,}', False),
        (b'{"a":1}x', False),
        (b'\xef\xbb\xbf{"a":1}', False),
        (b'{"a":"\xff"}', False),
        (b"{a:1}", False),
        (b'"a"', False),
        (b"", False),
        (b'{"a":' * 32 + b"1" + b"}" * 32, True),
        (b'{"a":' * 33 + b"1" + b"}" * 33, False),
    ],
)
def test_json_is_read_as_strictly_as_by_the_verifier(inspector: Inspector, payload: bytes, *, is_read: bool) -> None:
    """RFC 7515 §4, RFC 7493: the same texts, by `jotary.jose.strict_json` and by the page."""
    inspector.say(signed(inspector.issuer, payload))
    assert (inspector.checks()["payload_json"] == "passed") is is_read
    try:
        strict_json.loads_object(payload)
    except JOSEError:
        assert not is_read
    else:
        assert is_read


@pytest.mark.parametrize(
    "text", ["AA", "AQ", "AB", "A", "AAA", "AAB", "AAAA", "AA==", "A+A", "A/A", "A A", "AAAAA", ""]
)
def test_base64url_has_one_spelling_as_for_the_verifier(inspector: Inspector, text: str) -> None:
    """RFC 7515 §2, RFC 4648 §3.5: padding, other letters, and bits behind the last byte."""
    try:
        base64url.decode(text)
    except JOSEError:
        expected = "failed"
    else:
        expected = "passed"
    inspector.say(f"e30.{text}.")
    assert inspector.checks()["payload_base64url"] == expected


def test_secrets_that_are_pasted_are_named(inspector: Inspector) -> None:
    """As `jotary explain` answers them."""
    inspector.say("jrt_c2VjcmV0c2VjcmV0")
    assert "Revoke its session" in inspector.text("#kind")
    assert "c2Vj" not in inspector.text()
    inspector.say('"jrt_c2VjcmV0c2VjcmV0"')
    assert "Revoke its session" in inspector.text("#kind")


@pytest.mark.parametrize(
    ("before", "behind", "said"),
    [("Authorization: Bearer ", "", "what follows"), ('"', '"', "in quotes"), ("", "'", "in quotes")],
)
def test_what_was_pasted_with_a_token_is_named(inspector: Inspector, before: str, behind: str, said: str) -> None:
    """As `jotary explain` says it."""
    inspector.say(f"{before}e30.e30.AA{behind}")
    assert said in inspector.text("#kind")
    assert "anybody may have written" in inspector.text("#warning")  # of the claims, which are shown


def test_the_keys_are_this_servers_own(context: BrowserContext, origin: str, issuer: TestIssuer) -> None:
    """The real ones, fetched from it: a token of anybody else's is of an unknown key."""
    inspector = Inspector(context, origin, issuer, real_keys=True)
    inspector.say(issuer.token())
    assert inspector.checks()["kid"] == "failed"
    keys = inspector.page.request.get(origin + JWKS).json()["keys"]
    inspector.say(issuer.token(header={"kid": keys[0]["kid"]}))
    assert (inspector.checks()["kid"], inspector.checks()["signature"]) == ("passed", "failed")


def test_the_script_knows_the_checks_and_algorithms_of_the_verifier(inspector: Inspector) -> None:
    """One table in two languages: this is what keeps them one."""
    found = inspector.page.evaluate(
        "async () => [(await import('/static/inspect-checks.js')).CHECKS,"
        " [...(await import('/static/inspect-signature.js')).ALGORITHMS.keys()]]"
    )
    assert found[0] == [[row.name, row.standard, row.expected, row.advice] for row in CHECKS.values()]
    assert found[1] == list(DEFAULT_ALGORITHMS)


def test_without_scripts_the_page_points_at_the_command(chromium: Browser, origin: str) -> None:
    """It says honestly that it can do nothing."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/inspect")
    note = page.locator("noscript .alert")
    assert note.is_visible()
    assert "JavaScript, which is switched off" in note.inner_text()
    assert f"jotary explain - --issuer {origin}" in note.inner_text()
    assert page.locator("#token").is_hidden()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_fits_its_screen_and_the_keyboard(
    chromium: Browser, origin: str, issuer: TestIssuer, scheme: Any, width: int
) -> None:
    """WCAG 1.4.10 and 2.1.1: nothing scrolls sideways; every control is reached with the tabulator."""
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    inspector = Inspector(context, origin, issuer)
    long: dict[str, Any] = {"a" * 100: "b" * 100}
    inspector.say(issuer.token("x" * 300, aud="https://other.example.com", **long))
    assert inspector.page.evaluate("document.documentElement.scrollWidth") <= width
    inspector.page.locator("#token").focus()
    order = []
    for _ in range(2):
        inspector.page.keyboard.press("Tab")
        order.append(inspector.page.evaluate("document.activeElement.id"))
    assert order == ["audience", "clear"]
    inspector.page.keyboard.press("Enter")
    assert inspector.page.locator("#result").is_hidden()
    assert inspector.page.locator("#token").input_value() == ""
    context.close()
