"""The steps of the story. Each sends something real and says what must come of it."""

import time

from jotary.cli.demonstration.browser import Browser
from jotary.cli.demonstration.cast import NATIVE, OTHER_AUDIENCE, ROBOT
from jotary.cli.demonstration.player import Player, enter_password
from jotary.cli.demonstration.report import Report, accepted, all_of, refused
from jotary.jose import Key, base64url, jws, jwt, strict_json
from jotary.tokens.access_token import TYP

#: Seconds within which every API must refuse what was revoked.
REVOKED_WITHIN = 1.0


def discover(player: Player) -> Report:
    """Everything is found from the issuer's name (RFC 8414)."""
    return accepted("the issuer's name", player.discover(), why="it names its endpoints and its public keys")


def sign_in(player: Player) -> Report:
    """Browser, password, code with PKCE, tokens (RFC 8252)."""
    return accepted(
        "password, then code and code_verifier", player.sign_in(), why="an access, an ID and a refresh token"
    )


def valid(player: Player) -> Report:
    """The ToDo API verifies with the public key alone (RFC 9068)."""
    token = player.tokens.access_token
    return all_of(
        accepted(
            "POST /tasks", player.call(token, method="POST", title="Read the quickstart"), status=201, why="todo:write"
        ),
        accepted("the access token", player.call(token), why="signature, exp, iss, aud, typ and scope hold"),
    )


def without_token(player: Player) -> Report:
    """No token, no answer (RFC 6750 §3)."""
    response = player.http.get(f"{player.todo_api}/tasks")
    challenge = response.headers.get("WWW-Authenticate", "")
    return Report(
        sent="no token at all",
        answered=str(response.status_code),
        why=f"challenged with {challenge.partition(' ')[0]}",
        is_as_expected=response.status_code == 401 and challenge.startswith("Bearer") and "error=" not in challenge,  # noqa: PLR2004 -- the status
    )


def one_byte_changed(player: Player) -> Report:
    """The subject becomes somebody else: one byte of the payload (RFC 7515 §5.2)."""
    header, payload, signature = player.tokens.access_token.split(".")
    claims = bytearray(base64url.decode(payload))
    at = claims.index(b'"sub":"') + len(b'"sub":"')
    claims[at] ^= 1
    forged = f"{header}.{base64url.encode(bytes(claims))}.{signature}"
    return refused("the same token with one byte changed", player.call(forged), status=401, error="invalid_token")


def wrong_audience(player: Player) -> Report:
    """A token for another API (RFC 8707, RFC 9068 §4)."""
    secret = (ROBOT, player.cast.robot_secret.reveal())
    answer = player.ask({"grant_type": "client_credentials", "resource": OTHER_AUDIENCE}, secret=secret)
    response = player.call(answer.json()["access_token"])
    return refused(f"a token for {OTHER_AUDIENCE}", response, status=401, error="invalid_token")


def another_issuer(player: Player) -> Report:
    """The same claims under the same kid, signed by somebody else; and somebody else's own token (RFC 8725 §3.8)."""
    real = jws.parse(player.tokens.access_token)
    key = Key.generate("ES256", kid=real.kid)
    claims = strict_json.loads_object(real.payload)
    imitation = player.call(jwt.sign(claims, key, typ=TYP))
    own = player.call(jwt.sign(claims | {"iss": "https://id.evil.example"}, key, typ=TYP))
    return all_of(
        refused("another issuer's token", own, status=401, error="invalid_token"),
        refused("the same claims signed by another key", imitation, status=401, error="invalid_token"),
    )


def id_token(player: Player) -> Report:
    """An ID token is for the client, not for an API (RFC 8725 §3.11)."""
    return refused("the ID token", player.call(player.tokens.id_token), status=401, error="invalid_token")


def expired(player: Player) -> Report:
    """Time passes (RFC 7519 §4.1.4)."""
    claims = strict_json.loads_object(jws.parse(player.tokens.access_token).payload)
    player.wait_until_expired(claims["exp"] - claims["iat"])
    return refused(
        "the first token again, later", player.call(player.tokens.access_token), status=401, error="invalid_token"
    )


def refreshed(player: Player) -> Report:
    """The client trades its refresh token and goes on (RFC 6749 §6)."""
    return all_of(
        accepted("the refresh token", player.take(player.refresh(player.tokens.refresh_token)), why="rotated"),
        accepted(
            "the refresh token, then the new access token",
            player.call(player.tokens.access_token),
            why="the person noticed nothing",
        ),
    )


def answer_lost(player: Player) -> Report:
    """The answer does not arrive; the client asks again with the token that it still has (design §6.1)."""
    before = player.tokens.refresh_token
    lost = player.refresh(before)
    again = player.take(player.refresh(before))
    same = lost.json().get("refresh_token") == player.tokens.refresh_token != before
    report = accepted(
        "a refresh whose answer is lost, and the same again", again, why="the same successor: still one living token"
    )
    return report if same else all_of(Report(sent=report.sent, answered="another token", why="", is_as_expected=False))


def stolen(player: Player) -> Report:
    """An old refresh token comes back: the session is over for thief and owner alike (RFC 9700 §4.14.2)."""
    player.take(player.refresh(player.tokens.refresh_token))
    theft = player.refresh(player.earlier[1].refresh_token)
    owner = player.refresh(player.tokens.refresh_token)
    return all_of(
        refused("the living refresh token, afterwards", owner, status=400, error="invalid_grant"),
        refused("a stolen, older refresh token", theft, status=400, error="invalid_grant"),
    )


def cut_off(player: Player) -> Report:
    """The access token of the ended session has not expired, and every API refuses it all the same (design §6.3)."""
    deadline = time.monotonic() + REVOKED_WITHIN
    response = player.call(player.tokens.access_token)
    while response.status_code == 200 and time.monotonic() < deadline:  # noqa: PLR2004 -- the status
        time.sleep(0.02)
        response = player.call(player.tokens.access_token)
    return refused(
        "the ended session's access token, unexpired", response, status=401, error="invalid_token", names="revoked"
    )


def in_the_browser(player: Player) -> Report:
    """The web app holds the tokens where no script can read them (design §6.5)."""
    with Browser() as browser:
        enter_password(browser, f"{player.todo_web}/auth/login?return_to=/", player.cast)
        tasks = browser.fetch("GET", f"{player.todo_web}/api/tasks")
        sealed = dict(browser.cookies.get("localhost", {}))
        signed_out = browser.fetch("POST", f"{player.todo_web}/auth/logout")
        left = browser.open(f"{player.todo_web}{signed_out.json().get('location', '/')}")
        browser.cookies["localhost"] = sealed
        old_cookie = browser.fetch("GET", f"{player.todo_web}/api/tasks")
    home = isinstance(left, str) or str(left.url).startswith(player.todo_web)
    return all_of(
        Report(sent="sign-out", answered="not back at the web app", why="", is_as_expected=home),
        accepted("the web app's cookie", tasks, why="the tokens stay on the server side"),
        refused("the same cookie after signing out", old_cookie, status=401, error="invalid_token"),
    )


def signed_out(player: Player) -> Report:
    """The native client signs out: its refresh token is worth nothing (RFC 7009)."""
    player.sign_in()
    ended = player.http.post(
        str(player.metadata.revocation_endpoint),
        data={"client_id": NATIVE, "token": player.tokens.refresh_token},
    )
    response = player.refresh(player.tokens.refresh_token)
    return all_of(
        accepted("sign-out", ended, why="revoked"),
        refused("the refresh token after signing out", response, status=400, error="invalid_grant"),
    )
