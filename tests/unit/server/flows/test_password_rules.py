"""What a new password must be (NIST SP 800-63B §3.1.1.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]  # it has no type stubs

from jotary.server.flows.accounts.password_rules import refusals, scored_part

#: Two dozen characters that zxcvbn reads as letters in disguise: 72 of these cost it two seconds.
COSTLY = "4@8({[<369&6#!1/|0$5+7%2" * 43


def told(password: str, *personal: str, min_length: int = 8) -> tuple[str, ...]:
    """What somebody is told about a password."""
    return refusals(password, personal=personal, min_length=min_length)


@pytest.mark.parametrize(
    "password", ["thirty purple otters hum", "mUx2#kq!vL9w", "カワウソがうたうよるに", COSTLY[:40]]
)
def test_a_password_that_is_hard_to_guess_is_accepted(password: str) -> None:
    """No rules about kinds of characters."""
    assert told(password) == ()


@pytest.mark.parametrize("password", ["password", "P@ssw0rd!", "qwertyuiop", "12345678", "aaaaaaaaaaaa", "abcdefgh"])
def test_a_password_that_is_easy_to_guess_is_refused_with_advice(password: str) -> None:
    """A score below 3; every sentence ends in one full stop."""
    sentences = told(password)
    assert len(sentences) > 1
    assert all(sentence.endswith(".") and not sentence.endswith("..") for sentence in sentences)


def test_none_of_the_most_common_passwords_is_taken() -> None:
    """OWASP ASVS 5.0 6.2.4: the 3,000 most common ones that are long enough."""
    common = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8][:3_000]
    assert len(common) == 3_000
    assert [word for word in common if not told(word)] == []


def test_what_everybody_knows_of_a_person_does_not_make_a_password() -> None:
    """The e-mail address and the name are what an attacker tries first."""
    assert told("lovelacebabbage", "Zoe") == ()
    assert told("lovelacebabbage", "lovelace", "babbage") != ()


def test_length_is_bounded_below_by_the_setting_and_above_by_the_hash() -> None:
    """At least 8 and up to 1024 characters may be used."""
    assert told("xK4!zu9", min_length=8) == ("Use at least 8 characters.",)
    assert told("xK4!zu9 wm2", min_length=12) == ("Use at least 12 characters.",)
    assert told(COSTLY[:1_024]) == ()
    assert told(COSTLY[:1_025]) == ("Use at most 1024 characters.",)


def test_no_password_is_scored_that_would_cost_seconds() -> None:
    """A sign-up is open to everybody: at most 72 characters, at most twelve symbols that could stand for letters."""
    assert len(scored_part("x" * 1_000)) == 72
    part = scored_part(COSTLY)
    assert len(set(part) & set("4@8({[<369!|1705$+%2")) == 12
    assert len(part) < 24


@given(st.text())
def test_only_a_beginning_is_scored(password: str) -> None:
    """What follows can only make a password harder to guess."""
    assert password.startswith(scored_part(password))


@pytest.mark.parametrize("password", ["\ud800" * 12, "\x00" * 12, "🦦" * 12, "ﬃﬃﬃﬃﬃﬃ ﬃﬃﬃﬃ"])
def test_any_text_gets_an_answer(password: str) -> None:
    """Text that no keyboard makes."""
    assert isinstance(told(password), tuple)
