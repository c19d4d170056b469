"""Parameters are decoded strictly, and a repeated one is refused."""

import contextlib
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import MAX_PARAMETERS, Parameters, parse_form

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(_TEXT, _TEXT, max_size=8))
def test_what_was_encoded_is_decoded(values: dict[str, str]) -> None:
    """application/x-www-form-urlencoded, RFC 6749 appendix B."""
    parameters = parse_form(urlencode(values).encode())
    assert {name: parameters.get(name) for name in parameters.names} == values


@given(st.text(st.sampled_from("ab&=+%;0C3A9é\ud800Ff /"), max_size=24))
def test_a_form_says_what_the_standard_library_reads(form: str) -> None:
    """URL Standard, "application/x-www-form-urlencoded parsing": our short way and the long one do not differ."""
    try:
        expected = [pair for pair in parse_qsl(form, keep_blank_values=True, errors="strict") if pair[1]]
    except UnicodeDecodeError:
        with pytest.raises(OAuthError, match="not UTF-8"):
            parse_form(form)
        return
    if "\0" in str(expected) or "%00" in form:
        return
    assert sorted(parse_form(form).pairs()) == sorted(expected)


def test_an_empty_value_counts_as_absent() -> None:
    """RFC 6749 §3.1."""
    parameters = parse_form(b"scope=&state=x")
    assert parameters.get("scope") is None
    assert "scope" not in parameters
    with pytest.raises(OAuthError, match="invalid_request"):
        parameters.require("scope")


def test_a_repeated_parameter_is_refused() -> None:
    """RFC 6749 §3.1: parameters MUST NOT be included more than once."""
    with pytest.raises(OAuthError, match="more than once"):
        parse_form(b"client_id=a&client_id=b").get("client_id")
    with pytest.raises(OAuthError, match="more than once"):
        parse_form(b"unknown=a&unknown=b").refuse_repeated()


def test_resource_may_be_repeated() -> None:
    """RFC 8707 §2."""
    parameters = parse_form(b"resource=a&resource=b")
    parameters.refuse_repeated(but={"resource"})
    assert parameters.all("resource") == ("a", "b")


def test_a_handler_sees_only_what_it_declared() -> None:
    """What a grant did not declare is dropped before it (design §2)."""
    assert set(parse_form(b"code=1&secret=2").only({"code"}).names) == {"code"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"a=" + b"x" * 65_536, id="too large"),
        pytest.param(b"&".join(b"p%d=1" % number for number in range(MAX_PARAMETERS + 1)), id="too many"),
        pytest.param(b"a=%ff", id="not UTF-8, encoded"),
        pytest.param(b"a=\xff", id="not UTF-8, raw"),
        pytest.param(b"a=%00", id="NUL"),
        pytest.param(b"%00=a", id="NUL in a name"),
    ],
)
def test_a_malformed_body_is_an_invalid_request(body: bytes) -> None:
    """Design §9: a standard error, never a stack trace."""
    with pytest.raises(OAuthError) as refused:
        parse_form(body)
    assert refused.value.error == "invalid_request"


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    """Nothing but OAuthError leaves the parser."""
    outcome: Parameters | None = None
    with contextlib.suppress(OAuthError):
        outcome = parse_form(body)
    assert outcome is None or all(isinstance(value, str) for _, value in outcome.pairs())


def test_values_do_not_print() -> None:
    """A password in a form must not reach a log through repr."""
    assert "hunter2" not in repr(parse_form(b"password=hunter2"))


def test_a_hostile_name_is_not_echoed() -> None:
    """The hint quotes only names that are safe to send back."""
    with pytest.raises(OAuthError) as refused:
        parse_form(b"%3Cscript%3E=1&%3Cscript%3E=2").refuse_repeated()
    assert "script" not in refused.value.error_description
