"""`jotary doctor` about the issuer: by a server that answers, and by what a proxy may make of it."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from jotary.cli.diagnosis import issuer
from jotary.oauth.secret import Secret
from jotary.server.app import create_app
from jotary.server.settings import Settings

Run = Callable[..., Any]
Verdict = Callable[[str], tuple[str, str, str | None]]
Configure = Callable[[str], None]
ServeIssuer = Callable[[Callable[[str], Any]], Verdict]


@pytest.fixture
def serve_issuer(
    verdict: Verdict, configure: Configure, open_door: Run, serve: Run
) -> Callable[[Callable[[str], Any]], Verdict]:
    """Serve what the function makes of the issuer, and set the issuer to it."""

    def serve_issuer(make: Callable[[str], Any]) -> Verdict:
        door = open_door()
        configure(f'issuer = "{door.origin}"')
        serve(door, make(door.origin))
        return verdict

    return serve_issuer


def answering(metadata: Response, sign_up: Response | None = None) -> Starlette:
    """What a proxy might make of a server."""

    async def answer(_: Request) -> Response:
        return metadata

    async def page(_: Request) -> Response:
        return sign_up or Response()

    return Starlette(routes=[Route("/.well-known/openid-configuration", answer), Route("/sign-up", page)])


def test_an_issuer_that_does_not_answer(verdict: Verdict, configure: Configure, open_door: Run) -> None:
    """The mend is to start the server."""
    door = open_door()
    door.socket.close()
    configure(f'issuer = "{door.origin}"')
    assert verdict("issuer answers")[::2] == ("fail", "Start the server: jotary serve")


def test_a_real_server_is_well(serve_issuer: ServeIssuer) -> None:
    """Metadata, cookies and clock, beside a server that runs on the same database."""
    secret = Secret(Path("jotary.secret").read_text(encoding="utf-8").strip())
    database = f"sqlite:///{Path('jotary.db').absolute()}"
    verdict = serve_issuer(lambda origin: create_app(Settings(issuer=origin, database=database, secret=secret)))
    for name in ("issuer answers", "issuer metadata", "cookies", "clock"):
        assert verdict(name)[0] == "ok", name


def test_metadata_that_name_another_issuer(serve_issuer: ServeIssuer) -> None:
    """A slash too many is another issuer (RFC 8414 §3.3)."""
    verdict = serve_issuer(lambda origin: answering(JSONResponse({"issuer": f"{origin}/"})))
    assert verdict("issuer metadata")[0] == "fail"


@pytest.mark.parametrize("answer", [Response("<html>", 200), Response("[]", 200)])
def test_something_else_that_answers(serve_issuer: ServeIssuer, answer: Response) -> None:
    """The path leads elsewhere."""
    assert serve_issuer(lambda _: answering(answer))("issuer metadata")[0] == "fail"


def test_a_redirect_is_not_followed(serve_issuer: ServeIssuer) -> None:
    """No client follows one either; the finding says where it leads."""
    found = serve_issuer(lambda _: answering(RedirectResponse("https://other.example.com/")))("issuer answers")
    assert (found[0], "other.example.com" in found[1]) == ("fail", True)


@pytest.mark.parametrize(
    "cookie",
    ["__Host-jotary-form=x; Path=/; HttpOnly", "__Host-jotary-form=x; Path=/id; Secure; HttpOnly",
     "__Host-jotary-form=x; Path=/; Secure; HttpOnly; Domain=example.com", "x=y; Path=/; Secure; HttpOnly"],
)  # fmt: skip
def test_a_proxy_that_rewrites_cookies(serve_issuer: ServeIssuer, cookie: str) -> None:
    """A browser drops them (RFC 6265bis §4.1.3.2)."""
    page = Response(headers={"Set-Cookie": cookie})
    verdict = serve_issuer(lambda origin: answering(JSONResponse({"issuer": origin}), page))
    assert verdict("cookies")[0] == "fail"


def test_a_clock_that_is_wrong(serve_issuer: ServeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the date of the issuer's answer: here, ours is an hour ahead."""
    verdict = serve_issuer(lambda origin: answering(JSONResponse({"issuer": origin})))
    ahead = SimpleNamespace(time=lambda: time.time() + 3600)
    monkeypatch.setattr("jotary.cli.doctor.time", ahead)
    found = verdict("clock")
    assert (found[0], "ahead of the issuer's answer" in found[1]) == ("warn", True)


def test_everybody_is_a_trusted_proxy(verdict: Verdict, configure: Configure) -> None:
    """Anybody could say which address they come from; a proxy of one's own may."""
    for network in ("0.0.0.0/0", "::/0"):
        configure(f'trusted_proxies = ["{network}"]')
        assert verdict("proxy")[0] == "fail"
    configure('trusted_proxies = ["10.0.0.1"]')
    assert verdict("proxy")[0] == "ok"


def test_a_proxy_that_is_not_trusted(serve_issuer: ServeIssuer, verdict: Verdict) -> None:
    """An https issuer has one, and so has an answer that names one."""
    assert verdict("proxy")[0] == "ok"
    serve_issuer(lambda origin: answering(JSONResponse({"issuer": origin}, headers={"Via": "1.1 proxy"})))
    assert verdict("proxy")[0] == "warn"


def test_a_public_issuer_is_https_behind_a_proxy(
    verdict: Verdict, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it answers or not."""

    def refuse(url: str) -> None:
        raise ConnectionRefusedError(111, "Connection refused", url)

    monkeypatch.setattr(issuer, "_get", refuse)
    configure('issuer = "https://id.example.com"\nsecret_file = "jotary.secret"')
    assert verdict("issuer")[0] == "ok"
    assert verdict("issuer answers")[0] == "fail"
    assert verdict("proxy")[0] == "warn"
