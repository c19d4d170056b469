"""The catalogue, the judgement, the report, and where forged tokens may be sent."""

from typing import Any

import pytest

from jotary import InvalidToken
from jotary.testing import ATTACKS, Attack, TestIssuer, attack_api
from jotary.testing.attacks import select
from jotary.testing.exchange import CLOSED, Answer, Request
from jotary.testing.mending import MENDING
from jotary.testing.report import problem_of
from jotary.testing.target import open_target

ISSUER = TestIssuer()
ATTACK = ATTACKS[0]


def always(status: str) -> Any:
    """A WSGI application that answers this."""

    def app(_: Any, start_response: Any) -> list[bytes]:
        start_response(status, [("WWW-Authenticate", 'Bearer error="invalid_token"')])
        return [b"no"]

    return app


def test_every_attack_has_its_name_and_every_check_its_mending() -> None:
    """A report can be acted upon."""
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert {attack.check for attack in ATTACKS} == set(MENDING)
    assert {check for attack in ATTACKS for check in attack.supposes} <= set(MENDING)
    assert all(attack.standard.startswith("RFC ") for attack in ATTACKS)


def test_the_essential_attacks_are_a_part_of_the_strict_ones() -> None:
    """And every check that lets somebody else in is among them."""
    essential, strict = select("essential"), select("strict")
    assert set(essential) < set(strict)
    assert strict == ATTACKS
    assert {"signature", "alg", "exp", "iss", "aud", "scope", "token"} <= {attack.check for attack in essential}


def test_attacks_are_left_out_by_name_or_check_and_a_misspelt_one_is_an_error() -> None:
    """Nothing is switched off unseen."""
    left = {attack.name for attack in select(without=["typ", "100 kB"])}
    assert left == {attack.name for attack in ATTACKS if attack.check != "typ" and attack.name != "100 kB"}
    with pytest.raises(ValueError, match="'tpy'"):
        select(without=["tpy"])
    with pytest.raises(ValueError, match="level"):
        select("lax")  # type: ignore[arg-type]  # what the check is for


@pytest.mark.parametrize(
    ("status", "is_strict", "was_visited", "problem"),
    [
        (200, True, False, "accepted"),
        (204, False, False, "accepted"),
        (200, True, True, "accepted"),
        (401, True, True, "fetched"),
        (401, True, False, None),
        (403, True, False, "status"),
        (403, False, False, None),
        (302, True, False, "status"),
        (500, False, False, "broke"),
        (503, True, False, "broke"),
        (CLOSED, False, False, "broke"),
    ],
)
def test_an_answer_is_judged(status: int, problem: str | None, *, is_strict: bool, was_visited: bool) -> None:
    """2xx lets in, 5xx is broken, and a strict API says what the standard says."""
    answer = Answer(status=status)
    assert problem_of(ATTACK, answer, is_strict=is_strict, was_visited=was_visited) == problem


def test_a_connection_may_be_closed_where_too_much_was_sent() -> None:
    """A web server need not read it all."""
    (large,) = (attack for attack in ATTACKS if attack.check == "size")
    assert problem_of(large, Answer(status=CLOSED), is_strict=True, was_visited=False) is None


def test_an_api_that_refuses_good_tokens_is_not_set_up() -> None:
    """Its refusals prove nothing, so nothing is fired."""
    report = attack_api(always("401 Unauthorized"), issuer=ISSUER)
    assert (report.is_set_up, report.is_clean, report.fired) == (False, False, ())
    assert "The set-up is wrong: a good token was answered 401, so nothing was fired." in str(report)
    assert 'WWW-Authenticate: Bearer error="invalid_token"' in str(report)
    assert "body: no" in str(report)
    with pytest.raises(AssertionError, match="set-up is wrong"):
        report.raise_for_findings()


def test_an_api_that_locks_itself_up_is_not_set_up() -> None:
    """After the first request it refuses everything, also good tokens."""
    answers = iter(["200 OK"])

    def app(*request: Any) -> Any:
        return always(next(answers, "401 No"))(*request)

    report = attack_api(app, issuer=ISSUER, level="essential")
    assert not report.is_clean
    assert f"a good token was answered 401, after {len(report.fired)} attacks" in str(report)


def test_a_clean_report_says_how_much_was_tried() -> None:
    """And raises nothing."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        good = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        try:
            ISSUER.verifier().verify(good)
        except InvalidToken:
            return list(always("401 Unauthorized")(environ, start_response))
        return list(always("200 OK")(environ, start_response))

    report = attack_api(app, issuer=ISSUER, level="essential")
    report.raise_for_findings()
    assert str(report) == f"{len(report.fired)} forged requests, all refused as they must be."
    assert not any(attack.needs_scope for attack in report.fired)


def test_the_wrong_status_is_a_finding_of_a_strict_run_alone() -> None:
    """A 403 for a bad token sends clients to ask for another scope (RFC 6750 §3.1)."""
    with_status = [attack for attack in ATTACKS if attack.check == "exp"]

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            ISSUER.verifier().verify(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
        except InvalidToken:
            return list(always("403 Forbidden")(environ, start_response))
        return list(always("200 OK")(environ, start_response))

    assert attack_api(app, issuer=ISSUER, only=with_status, level="essential").is_clean
    report = attack_api(app, issuer=ISSUER, only=with_status)
    assert {one.problem for one in report.findings} == {"status"}
    assert report.missing_checks == ()
    assert "expired: refused, but with 403 (RFC 7519 §4.1.4)" in str(report)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://127.0.0.1",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://user@127.0.0.1/",
        "http://0.0.0.0:8000",
        "ftp://127.0.0.1",
        "127.0.0.1:8000",
        "",
    ],
)
def test_forged_tokens_are_sent_to_this_machine_alone(url: str) -> None:
    """Whoever attacks another's server breaks the law."""
    with pytest.raises(ValueError, match="loopback"):
        attack_api(url, issuer=ISSUER)


@pytest.mark.parametrize(
    "app", [None, 1, object(), lambda: None, len], ids=["None", "a number", "an object", "of nothing", "of one"]
)
def test_what_is_no_application_is_refused(app: Any) -> None:
    """With what is expected."""
    with pytest.raises(TypeError, match="ASGI"):
        attack_api(app, issuer=ISSUER)


def test_a_server_that_is_not_there_has_not_answered() -> None:
    """The set-up is wrong, and the report says how."""
    report = attack_api("http://127.0.0.1:1", issuer=ISSUER)
    assert "no answer, ConnectionRefusedError" in str(report)


def test_an_asgi_application_is_started_and_stopped_around_the_attacks() -> None:
    """ASGI Lifespan, with its state."""
    phases: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{phase}"
                phases.append(phase)
                scope["state"]["ready"] = True
                await send({"type": f"lifespan.{phase}.complete"})
            return
        await send({"type": "http.response.start", "status": 200 if scope["state"]["ready"] else 500, "headers": []})
        await send({"type": "http.response.body", "body": scope["raw_path"]})

    target = open_target(app)
    assert target.send(Request(path="/a%20b")).body == b"/a%20b"
    assert phases == ["startup"]
    target.close()
    assert phases == ["startup", "shutdown"]


def test_an_asgi_application_that_does_not_start_is_an_error() -> None:
    """With what it says."""

    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="startup: no database"):
        attack_api(app, issuer=ISSUER)


def test_an_application_that_says_nothing_has_not_answered() -> None:
    """Neither kind."""

    async def asgi(*_: Any) -> None: ...

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        return []

    apps: list[Any] = [asgi, wsgi]
    for app in apps:
        target = open_target(app)
        assert target.send(Request()).status == CLOSED
        target.close()


def test_method_headers_query_and_body_reach_the_application() -> None:
    """In every request, good or forged."""
    seen: list[tuple[Any, ...]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "HTTP_X_TENANT")
        seen.append((*(environ.get(name) for name in names), environ["wsgi.input"].read()))
        return list(always("200 OK")(environ, start_response))

    attack_api(
        app,
        "/tasks/a%20b?page=1",
        issuer=ISSUER,
        method="POST",
        headers={"Content-Type": "application/json", "X-Tenant": "acme"},
        body=b"{}",
        only=[attack for attack in ATTACKS if attack.name == "no header"],
    )
    assert set(seen) == {("POST", "/tasks/a b", "page=1", "application/json", "acme", b"{}")}
    assert len(seen) == 3


def test_an_attack_of_ones_own_can_be_fired() -> None:
    """With claims that the API knows."""
    mine = Attack(name="another tenant", check="tenant", standard="ours", forge=lambda f: f.token(tenant="other"))
    report = attack_api(always("200 OK"), issuer=ISSUER, claims={"sub": "ada", "tenant": "acme"}, only=[mine])
    assert report.missing_checks == ("tenant",)
    assert "another tenant: let in with 200 (ours)" in str(report)
