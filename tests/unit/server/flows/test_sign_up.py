"""What stands against making an account, before anything is looked up."""

import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.sign_up import SignUpForm, problems_of

PASSWORD = "thirty purple otters hum"


def fields_with_problems(username: str = "ada@example.com", name: str = "Ada", password: str = PASSWORD) -> set[str]:
    """Which fields must be changed."""
    form = SignUpForm(username=username, name=name, password=Secret(password))
    return {problem.field for problem in problems_of(form, service_name="Zephyrix", password_min_length=8)}


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "a@b",
        "ada+x@mail.example.co.uk",
        "ada.lovelace@xn--bcher-kva.example",
        "žofie@bücher.example",
        "z\u030cofie@example.com",
        "\u212aelvin@example.com",
        "أحمد@例え.example",
        f"{'a' * 64}@{'b' * 189}",
    ],
)
def test_an_address_that_mail_could_reach_is_taken(email: str) -> None:
    """RFC 5321 §4.1.2, RFC 6531 §3.3: only mail can tell more."""
    assert fields_with_problems(username=email) == set()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "a@b@c",
        "ada lovelace@example.com",
        "ada@exa mple.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@example.com.",
        "ada@example.com\nBcc: bob@example.com",
        "ada\x00@example.com",
        "ada@example.com\u200b",
        "ada@exam\u00adple.com",
        "\u202eada@example.com",
        "ada\u00a0x@example.com",
        "ada\ue000@example.com",
        '"><script>@example.com',
        "<ada>@example.com",
        "ada,bob@example.com",
        "ada;bob@example.com",
        "ada:x@example.com",
        "a@b\\c",
        "a@[127.0.0.1]",
        '"ada"@example.com',
        "ada(x)@example.com",
        f"{'a' * 65}@example.com",
        f"{'a' * 64}@{'b' * 190}",
    ],
)
def test_anything_else_is_not(email: str) -> None:
    """RFC 5321 §4.5.3.1."""
    assert fields_with_problems(username=email) == {"username"}


@pytest.mark.parametrize(
    "hidden",
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180d\u180f\u2800\u3164\ufe00\ufe0f\uffa0\U000e0100\U000e01ef",
    ids=ascii,
)
def test_no_second_address_looks_like_the_first(hidden: str) -> None:
    """RFC 8264 §9.13: letters, marks and symbols that show nothing."""
    assert fields_with_problems(username=f"ada{hidden}@example.com") == {"username"}
    assert fields_with_problems(username=f"ada@example{hidden}.com") == {"username"}


@pytest.mark.parametrize(
    "email",
    ["ada@example\uff0ecom", "ada\uff20bank.example@example.com", "\uff41da@example.com", "ada@e\u02e3ample.com"],
    ids=ascii,
)
def test_no_address_is_another_one_in_other_forms(email: str) -> None:
    """RFC 8264 §9.17: full-width and superscript characters mean what mail, or whoever reads, makes of them."""
    assert fields_with_problems(username=email) == {"username"}


@pytest.mark.parametrize(("name", "fits"), [("Ada", True), ("阿达", True), ("x" * 100, True), ("x" * 101, False)])
def test_a_name_is_whatever_somebody_is_called(name: str, fits: bool) -> None:
    """Up to a length that fits into a page."""
    assert fields_with_problems(name=name) == (set() if fits else {"name"})


@pytest.mark.parametrize(
    "name",
    ["", "A\nB", "A\x00B", "A\x9bB", "A\u2028B", "A\u2029B", "A\u202eB", "A\u202aB", "A\u2066B", "A\u2069B"],
    ids=ascii,
)
def test_a_name_is_one_line(name: str) -> None:
    """It stands in pages, tokens and an operator's terminal: it breaks no line, and turns no text around (UAX #9)."""
    assert fields_with_problems(name=name) == {"name"}


def test_everything_is_said_at_once() -> None:
    """Nobody sends a form three times to learn three things."""
    assert fields_with_problems("ada", "", "short") == {"username", "name", "password"}


def test_the_person_and_the_service_do_not_make_a_password() -> None:
    """The parts of the address count one by one."""
    assert fields_with_problems("lovelace.countess@example.com", "Ada", "lovelacecountess") == {"password"}
    assert fields_with_problems("x@example.com", "Ada", "zephyrix99") == {"password"}
