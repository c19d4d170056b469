"""Keys from the server's secret (RFC 5869)."""

import hashlib
import hmac
from typing import get_args

from jotary.oauth.secret import Secret
from jotary.server.keyring import derive_key
from jotary.server.keyring.derived_key import Purpose

SECRET = Secret("a secret of the server that is long enough")


def test_it_is_hkdf_with_the_purpose_as_info() -> None:
    """RFC 5869 §2, written out: other programs can derive the same keys."""
    extracted = hmac.digest(bytes(32), SECRET.reveal().encode(), hashlib.sha256)
    expanded = hmac.digest(extracted, b"jotary/refresh-token/v1\x01", hashlib.sha256)

    assert derive_key(SECRET, "refresh-token") == expanded


def test_every_purpose_and_every_secret_has_a_key_of_its_own() -> None:
    """RFC 5869 §3.2."""
    keys = {derive_key(secret, purpose) for purpose in get_args(Purpose) for secret in (SECRET, Secret("another" * 6))}

    assert len(keys) == 2 * len(get_args(Purpose))
    assert {len(key) for key in keys} == {32}
