"""Hashes of other systems: published ones, and cheap ones made by the same formulas."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.passwords import imported

PASSWORD = "correct horse battery staple"
SALT = b"NaClSaltOf16Byte"


def pbkdf2(name: str, rounds: int, size: int = 32) -> bytes:
    """The digest of PASSWORD."""
    return hashlib.pbkdf2_hmac(name, PASSWORD.encode(), SALT, rounds, size)


def scrypt(n: int, r: int, p: int) -> bytes:
    """The digest of PASSWORD."""
    return hashlib.scrypt(PASSWORD.encode(), salt=SALT, n=n, r=r, p=p, dklen=64)


def b64(data: bytes) -> str:
    """Base64 with padding, as Django writes it."""
    return base64.b64encode(data).decode()


def ab64(data: bytes) -> str:
    """passlib's: '.' for '+', no padding."""
    return b64(data).rstrip("=").replace("+", ".")


HASHES = {
    "Django PBKDF2": f"pbkdf2_sha256$1000${SALT.decode()}${b64(pbkdf2('sha256', 1000))}",
    "Django PBKDF2 SHA-1": f"pbkdf2_sha1$1000${SALT.decode()}${b64(pbkdf2('sha1', 1000, 20))}",
    "Django scrypt": f"scrypt${SALT.decode()}$1024$8$2${b64(scrypt(1024, 8, 2))}",
    "passlib PBKDF2": f"$pbkdf2-sha512$1000${ab64(SALT)}${ab64(pbkdf2('sha512', 1000, 64))}",
    "PHC PBKDF2": f"$pbkdf2-sha256$i=1000,l=32${b64(SALT).rstrip('=')}${b64(pbkdf2('sha256', 1000)).rstrip('=')}",
    "passlib scrypt": f"$scrypt$ln=10,r=8,p=1${ab64(SALT)}${ab64(scrypt(1024, 8, 1))}",
    "Werkzeug PBKDF2": f"pbkdf2:sha256:1000${SALT.decode()}${pbkdf2('sha256', 1000).hex()}",
    "Werkzeug scrypt": f"scrypt:1024:8:1${SALT.decode()}${scrypt(1024, 8, 1).hex()}",
}


@pytest.mark.parametrize("text", HASHES.values(), ids=HASHES)
def test_the_password_fits_and_another_does_not(text: str) -> None:
    """Design §5: people of an imported system sign in with the password that they have."""
    assert imported.verify(text, PASSWORD) is True
    assert imported.verify(text, PASSWORD + "x") is False


PUBLISHED = {
    # Django's own tests
    "pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps=": "l\u00e8tmein",
    "scrypt$seasalt$16384$8$5$"
    "ECMIUp+LMxMSK8xB/IVyba+KYGTI7FTnet025q/1f/vBAVnnP3hdYqJuRi+mJn6ji6ze3Fbb7JEFPKGpuEf5vw==": "l\u00e8tmein",
    # passlib's documentation
    "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44": "password",
    "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk": "toomanysecrets",
    "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E": "password",
}


@pytest.mark.parametrize(("text", "password"), PUBLISHED.items())
def test_published_hashes_fit_their_password_only(text: str, password: str) -> None:
    """What the systems themselves made."""
    assert imported.verify(text, password) is True
    assert imported.verify(text, password.upper()) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$12$abcdefghijklmnopqrstuuFnYyx3Ak5Hl3rJhuUuRyPVUxXWyNVYi",
        "pbkdf2_md5$1000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "pbkdf2_sha256$0$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "pbkdf2_sha256$99999999$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "pbkdf2_sha256$1000$salt$A",  # no base64
        "pbkdf2_sha256$1000$salt$AAAA",  # three bytes
        "pbkdf2:sha256:1000$salt$abc",  # no hexadecimal
        "pbkdf2:sha256:1000$salt$00",  # one byte
        "scrypt:1023:8:1$salt$" + "00" * 32,  # n is no power of two
        "$scrypt$ln=30,r=8,p=1$AAAA$" + "A" * 43,  # a terabyte
        "$scrypt$ln=99,r=8,p=1$AAAA$" + "A" * 43,
        "scrypt:1024:8:100$salt$" + "00" * 32,
        HASHES["Django PBKDF2"] + "\n",
    ],
)
def test_what_is_unknown_or_broken_is_said_to_be(text: str) -> None:
    """None, at once: nothing is computed for parameters that would starve the server."""
    assert imported.verify(text, PASSWORD) is None


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    """One broken row must not turn sign-in into an error."""
    for prefix in ("", "pbkdf2_sha256$1$", "$scrypt$ln=1,r=1,p=1$", "scrypt:2:1:1$"):
        assert imported.verify(prefix + text, PASSWORD) in {None, False}
