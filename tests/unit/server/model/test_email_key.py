"""When two addresses are the same account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.model.email_key import email_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ADA@EXAMPLE.COM"),
        ("\u00e9@example.com", "E\u0301@example.com"),
        ("stra\u00dfe@example.com", "STRASSE@EXAMPLE.COM"),
        ("\u03c3\u03c2@example.com", "\u03a3\u03a3@example.com"),  # final sigma
        ("\u1fb3\u0323@example.com", "\u03b1\u0323\u03b9@example.com"),  # a letter that folds to two, with an accent
        ("\u212a@example.com", "k@example.com"),  # the Kelvin sign
    ],
)
def test_case_and_composition_make_no_difference(one: str, other: str) -> None:
    """The Unicode Standard §3.13, canonical caseless matching."""
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize("other", ["ada@example.org", "ada+1@example.com", "a.da@example.com", " ada@example.com"])
def test_another_address_is_another_account(other: str) -> None:
    """What a mail server may tell apart is told apart."""
    assert email_key(other) != email_key("ada@example.com")


@given(st.text(), st.text())
def test_a_key_has_itself_as_key(local: str, domain: str) -> None:
    """Otherwise a person who types their key would not be found."""
    key = email_key(f"{local}@{domain}")
    assert email_key(key) == key
