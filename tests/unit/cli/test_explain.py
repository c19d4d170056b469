"""`jotary explain`: what it prints, how it ends, and what it fetches."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jotary.cli.group import jotary
from jotary.jose import Key, jws, jwt, strict_json
from jotary.testing import Fault, FrozenClock, LoopbackIssuer, TestIssuer
from jotary.tokens.revocation_feed import MAX_ENTRIES, TYP, CutOff, feed_claims, feed_link

GOLDEN = Path(__file__).parent / "explain.golden.json"
CLOCK = FrozenClock()
# RFC 8037 appendix A.1: with EdDSA the same token is signed to the same text, always.
KEY = Key.from_jwk(
    {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "kid": "key-1",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
)
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example.com/realms/main",
    "sub": "person-1",
    "aud": "https://other.example.com",
    "client_id": "web",
    "scope": "todo:read",
    "jti": "token-1",
    "iat": CLOCK.now,
    "exp": CLOCK.now + 300,
}


def run(*arguments: str, stdin: str | bytes = "a.b.c", width: int = 80) -> Result:
    """Run `jotary explain` at the time that stands still."""
    runner = CliRunner(catch_exceptions=False, env={"COLUMNS": str(width), "NO_COLOR": None})
    return runner.invoke(jotary, ["explain", *arguments], input=stdin, obj=CLOCK)


def token(**claims: Any) -> str:
    """Signed with the key that is always the same."""
    return jws.sign(strict_json.dumps({**CLAIMS, **claims}), KEY, header={"typ": "at+jwt"})


@pytest.fixture
def jwks(tmp_path: Path) -> str:
    """A file with the public key."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [KEY.to_jwk()]}))
    return str(path)


@pytest.fixture
def expectations(jwks: str) -> list[str]:
    """What the token is held against."""
    return ["--issuer", CLAIMS["iss"], "--audience", "https://todo.example.com", "--jwks", jwks]


class FeedIssuer(LoopbackIssuer):
    """An issuer whose keys link to a feed of cut-offs."""

    entries: tuple[CutOff, ...] = ()

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """The feed, in answers as long as they may be; the keys with a link to it."""
        status, body, headers = super().answer(path)
        if path == self.jwks_path:
            return status, body, {**headers, "Link": feed_link(f"{self.origin}/feed")}
        if not path.startswith("/feed?after="):
            return status, body, headers
        after = int(path.partition("=")[2].partition("&")[0])
        some = self.entries[after : after + MAX_ENTRIES]
        said = feed_claims(
            issuer=self.issuer, now=int(self.clock()), after=after, position=after + len(some), entries=some
        )
        return 200, jwt.sign(said, self.signing_key, typ=TYP).encode(), {}


@pytest.fixture
def issuer() -> Iterator[FeedIssuer]:
    """On a loopback port."""
    with FeedIssuer(clock=CLOCK) as listening:
        yield listening


def explained(issuer: TestIssuer, text: str) -> dict[str, Any]:
    """In JSON, with what the issuer publishes."""
    result = run("-", "--issuer", issuer.issuer, "--audience", issuer.audience, "--json", stdin=text)
    said: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (0 if said["verdict"] == "accepted" else 1)
    return said


def test_the_json_is_what_others_build_on(expectations: list[str]) -> None:
    """Design §7: every member, of every check. `python tests/unit/cli/test_explain.py` writes it anew."""
    result = run("-", *expectations, "--json", stdin=token())
    assert json.loads(result.stdout) == json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert (result.exit_code, result.stderr) == (1, "")


def test_the_documentation_shows_what_is_printed(expectations: list[str]) -> None:
    """docs/explain.md has this very token."""
    page = (Path(__file__).parents[3] / "docs" / "explain.md").read_text(encoding="utf-8")
    assert f"```text\n{run('-', *expectations, stdin=token()).stdout}```\n" in page


def test_a_good_token_is_accepted(expectations: list[str]) -> None:
    """0, so that a script can ask; white space around the token is a shell's."""
    result = run("-", *expectations, stdin=f"  {token(aud='https://todo.example.com')}\n")
    assert result.stdout.startswith("Accepted.\n")
    assert (result.exit_code, result.stderr) == (0, "")


def test_one_of_several_audiences_is_enough(expectations: list[str]) -> None:
    """RFC 7519 §4.1.3."""
    assert run(token(), *expectations, "--audience", "https://other.example.com").exit_code == 0


def test_a_refusal_says_expected_found_standard_and_change(expectations: list[str]) -> None:
    """In this order, and first of all which check it was."""
    result = run("-", *expectations, stdin=token())
    assert result.stdout.startswith("Refused, by aud: ")
    assert (
        "FAIL  aud\n"
        '        expected  "https://todo.example.com"\n'
        '        found     "https://other.example.com"\n'
        "        standard  RFC 7519 §4.1.3, RFC 9068 §4\n"
        "        change    The token is meant for another audience; "
    ) in result.stdout
    assert "Probably of Keycloak, by the form of 'iss'." in result.stdout
    assert result.exit_code == 1


def test_without_expectations_it_is_undecided() -> None:
    """Nothing is wrong, and nothing is accepted."""
    result = run("-", stdin=token())
    assert "Undecided" in result.stdout
    assert "The signature was not verified" in result.stdout
    assert result.exit_code == 1


def test_a_refresh_token_is_answered_with_a_warning_and_not_repeated() -> None:
    """A secret that was pasted should be revoked."""
    result = run("-", stdin="jrt_c2VjcmV0c2VjcmV0")
    assert "revoke its session" in " ".join(result.stdout.split())
    assert "c2Vj" not in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(expectations: list[str], width: int) -> None:
    """But never narrower than it takes to read it, nor wider than one can."""
    result = run("-", *expectations, stdin=token(sub="x" * 500, aud="y" * 500), width=width)
    widest = max(len(line) for line in result.stdout.splitlines())
    assert widest <= min(max(width, 40), 110)


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_the_signature_is_never_printed(expectations: list[str], as_json: list[str]) -> None:
    """Nor the rest of the token as it was given; nor an escape sequence, as this is no terminal."""
    text = token(sub="\x1b[31m\u202e")
    output = run("-", *expectations, *as_json, stdin=text).output
    assert not any(part in output for part in text.split("."))
    assert "\x1b" not in output
    assert "\u202e" not in output


@pytest.mark.parametrize(("no_color", "is_coloured"), [(None, True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(no_color: str | None, *, is_coloured: bool) -> None:
    """no-color.org; `color` says that the output is a terminal."""
    code = (
        "import sys, click\n"
        "from jotary.cli.group import jotary\n"
        "click.utils.should_strip_ansi = lambda stream=None, color=None: color is False\n"
        "jotary.main(['explain', 'x'])\n"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), **({} if no_color is None else {"NO_COLOR": no_color})}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 1, said.stderr
    assert ("\x1b[31m" in said.stdout) == is_coloured


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument 'TOKEN'"),
        (("-", "--issuer", "http://id.example.com"), "must be https"),
        (("-", "--issuer", "not a URL"), "must be a URL, such as"),
        (("-", "--audience", ""), "must not be empty"),
        (("-", "--jwks", "absent.json"), "does not exist"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: tuple[str, ...], says: str) -> None:
    """So that a script does not take it for a refusal."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[]", b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"AA"}]}'])
def test_a_file_without_keys_ends_with_2(tmp_path: Path, content: bytes) -> None:
    """RFC 7517 §5."""
    path = tmp_path / "jwks.json"
    path.write_bytes(content)
    result = run("-", "--jwks", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--jwks" in result.stderr


@pytest.mark.parametrize("argument", ["-", "", " "])
def test_no_token_is_one_line(argument: str) -> None:
    """Not a row for each check that nothing was held against."""
    result = run(argument, stdin=" \n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        "Error: There is no token. Give one on standard input, such as: jotary token | jotary explain -"
    )


@pytest.mark.parametrize("stdin", [b"\xff\xfe", b"x" * 2_000_000, b"a.b.c", "\u202e".encode()])
def test_whatever_stands_on_standard_input_is_explained(stdin: bytes) -> None:
    """No crash, no endless reading."""
    result = run("-", stdin=stdin)
    assert result.stdout.startswith("Refused, by ")
    assert result.exit_code == 1


def test_the_keys_are_fetched_from_the_issuer(issuer: FeedIssuer) -> None:
    """As the verifier does; and its cut-offs, here none."""
    said = explained(issuer, issuer.token())
    assert said["verdict"] == "accepted"
    assert {check["verdict"] for check in said["checks"]} == {"passed"}
    assert issuer.requests == [issuer.discovery_path, issuer.jwks_path, "/feed?after=0&wait=0"]


def test_nothing_is_fetched_from_where_the_token_says(issuer: FeedIssuer) -> None:
    """RFC 8725 §3.10: whoever wrote the token would have this machine call whom they like."""
    text = issuer.token(header={"jku": f"{issuer.origin}/keys", "x5u": f"{issuer.origin}/x"})
    assert run("-", stdin=text).exit_code == 1
    assert issuer.requests == []


@pytest.mark.parametrize("place", [0, MAX_ENTRIES + 3])
def test_a_revoked_token_is_refused(issuer: FeedIssuer, place: int) -> None:
    """Design §6.3: also by an entry behind the first answer of the feed."""
    end = CLOCK.now + 600
    entries = [CutOff(kind="jti", value=f"j{i}", issued_before=CLOCK.now, expires_at=end) for i in range(place)]
    cut_off = CutOff(kind="sid", value="session-1", issued_before=CLOCK.now, expires_at=end)
    issuer.entries = (*entries, cut_off)
    said = explained(issuer, issuer.token())
    assert (said["verdict"], said["refused_by"]) == ("refused", "revoked")
    assert explained(issuer, issuer.token(session_id="another"))["verdict"] == "accepted"


@pytest.mark.parametrize("body", [b"", b"x.y.z", TestIssuer().token().encode()])
def test_a_feed_that_cannot_be_read_is_said(issuer: FeedIssuer, body: bytes) -> None:
    """The verifier takes the token then, by default; whether it was revoked is not known."""
    issuer.faults["/feed?after=0&wait=0"] = Fault(body=body, headers={"Content-Length": str(len(body))})
    result = run("-", "--issuer", issuer.issuer, "--audience", issuer.audience, stdin=issuer.token())
    assert result.exit_code == 0
    assert "skip  revoked" in result.stdout
    assert result.stderr.startswith("The issuer's revocation feed could not be read: ")


def test_a_check_that_nobody_came_to_is_one_line() -> None:
    """What is pasted by mistake gets its answer on one screen, and not below a hundred lines."""
    lines = run("-", stdin="abc").stdout.splitlines()
    skipped = [line for line in lines if line.startswith("skip")]
    assert len(skipped) > 20
    assert all(line.endswith("An earlier check has to pass first.") for line in skipped)
    assert lines[-len(skipped) :] == skipped


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(drop=True), Fault(body=b"{}")])
def test_keys_that_cannot_be_fetched_are_why_the_key_check_fails(issuer: FeedIssuer, fault: Fault) -> None:
    """With the reason, which is the issuer's or the network's and not the token's."""
    issuer.break_everything(fault)
    said = explained(issuer, issuer.token())
    assert said["refused_by"] == "kid"
    (check,) = (check for check in said["checks"] if check["name"] == "kid")
    assert check["change"].startswith("The issuer's keys could not be fetched: ")


AUTH0 = ["--provider", "auth0", "--set", "domain=tenant.eu.auth0.com", "--audience", "https://todo.example.com"]


@pytest.fixture
def auth0(tmp_path: Path) -> tuple[TestIssuer, list[str]]:
    """Auth0's shape, and the command line that trusts it."""
    issuer = TestIssuer.for_provider("auth0", audience="https://todo.example.com", clock=CLOCK)
    path = tmp_path / "auth0.json"
    path.write_text(json.dumps(issuer.keys_document()))
    return issuer, [*AUTH0, "--jwks", str(path)]


def test_a_token_of_a_provider_is_held_against_its_rules(auth0: tuple[TestIssuer, list[str]]) -> None:
    """Those of `TokenVerifier.for_provider`, which are not those of RFC 9068."""
    issuer, arguments = auth0
    said = json.loads(run("-", *arguments, "--json", stdin=issuer.token()).stdout)
    assert (said["verdict"], said["refused_by"]) == ("accepted", None)
    said = json.loads(run("-", *arguments, "--json", stdin=issuer.token(permissions="all")).stdout)
    assert (said["verdict"], said["refused_by"]) == ("refused", "permissions")
    result = run("-", *arguments, stdin=issuer.token(nonce="n"))
    assert result.stdout.startswith("Refused, by nonce: This is an ID token")
    assert result.exit_code == 1


def test_keys_of_a_provider_are_fetched_as_it_publishes_them() -> None:
    """Firebase: certificates by key id."""
    with LoopbackIssuer.for_provider("firebase", clock=CLOCK) as issuer:
        arguments = [f"{name}={value}" for name, value in issuer.settings.items()]
        asked = ["--provider", "firebase", *(part for one in arguments for part in ("--set", one))]
        assert run("-", *asked, stdin=issuer.token()).exit_code == 0
        assert issuer.requests == [issuer.jwks_path]


def test_settings_given_several_times_are_a_list() -> None:
    """FusionAuth's key ids, and the address of keys as any verifier takes it."""
    with LoopbackIssuer.for_provider("fusionauth", clock=CLOCK) as issuer:
        old = issuer.signing_key
        issuer.rotate()
        kids = [f"kids={kid}" for kid in issuer.settings["kids"]]
        settings = ["url=https://auth.example", f"jwks_uri={issuer.settings['jwks_uri']}", *kids]
        asked = ["--provider", "fusionauth", "--issuer", issuer.issuer, "--audience", issuer.audience]
        asked += [part for one in settings for part in ("--set", one)]
        assert run("-", *asked, stdin=issuer.token()).exit_code == 0
        assert run("-", *asked, stdin=issuer.token(key=old)).exit_code == 0


def test_an_emulator_needs_no_keys() -> None:
    """Nothing is fetched, as nothing is signed."""
    setting = ["--set", "project_id=todo-1234", "--set", "accept_unsigned_tokens_of_the_emulator=true"]
    assert "skip  form" not in run("-", "--provider", "firebase", *setting, stdin="a.b.c").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--set", "domain=x"), "goes with --provider"),
        (("--provider", "auth0"), "auth0 needs domain, audience"),
        ((*AUTH0, "--set", "realm=x"), "auth0 has no realm"),
        ((*AUTH0, "--set", "realm"), "must be NAME=VALUE"),
        (("--provider", "auth0", "--set", "domain=https://x", "--audience", "a"), "domain must be a host name"),
        (("--provider", "nobody"), "is not one of"),
    ],
)
def test_wrong_settings_of_a_provider_end_with_2(arguments: tuple[str, ...], says: str) -> None:
    """With what to change."""
    result = run("-", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in " ".join(result.stderr.split())


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(json.dumps({"keys": [KEY.to_jwk()]}))
    asked = ["--issuer", CLAIMS["iss"], "--audience", "https://todo.example.com", "--jwks", str(file)]
    GOLDEN.write_text(run("-", *asked, "--json", stdin=token()).stdout, encoding="utf-8")
