"""The cookie of a sign-in, and the id that it opens."""

import pytest

from jotary.jose import base64url
from jotary.server.flows.signed_in import COOKIE_ENTROPY, new_cookie, sign_in_id


def test_a_cookie_is_256_random_bits_and_nothing_else() -> None:
    """OWASP ASVS 5.0 7.2.3: at least 128 bits, of which none is lost or made from anything that can be known."""
    assert COOKIE_ENTROPY * 8 == 256
    entropy = bytes(range(COOKIE_ENTROPY))
    assert base64url.decode(new_cookie(entropy).reveal()) == entropy


@pytest.mark.parametrize("size", [0, 16, COOKIE_ENTROPY - 1, COOKIE_ENTROPY + 1])
def test_a_cookie_takes_all_of_its_entropy(size: int) -> None:
    """A source that gives less is broken."""
    with pytest.raises(ValueError, match="random bytes"):
        new_cookie(bytes(size))


def test_what_is_kept_does_not_open_the_sign_in() -> None:
    """Who reads the database has no cookie."""
    cookie = new_cookie(bytes(COOKIE_ENTROPY))
    assert cookie.reveal() not in sign_in_id(cookie)
    assert sign_in_id(new_cookie(base64url.decode(sign_in_id(cookie)))) != sign_in_id(cookie)
