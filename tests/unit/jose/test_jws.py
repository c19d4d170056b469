from collections.abc import Iterator
from typing import Any

import pytest

from jotary.jose import JOSEError, Key, KeySet, UnverifiedToken, base64url, header, jws, strict_json
from jotary.jose.algorithms import ALGORITHMS

KEY = Key.generate("ES256", kid="1")
TOKEN = jws.sign(b"payload", KEY)
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(".")


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Each test reads every header itself."""
    header.remembered.clear()
    yield
    header.remembered.clear()


def signed(members: dict[str, Any], payload: bytes = b"payload", key: Key = KEY) -> str:
    """A token with these header members and a good signature, whatever they say."""
    return jws.sign_with(payload, key, key.alg or "ES256", base64url.encode_bytes(strict_json.dumps(members)))


def refused(token: Any, code: str, key: Key | KeySet = KEY, **options: Any) -> None:
    """The token is refused; the refusal holds no part of it, nor does anything behind it."""
    with pytest.raises(JOSEError) as error:
        jws.verify(token, key, **{"algorithms": {"ES256"}, **options})
    assert error.value.code == code
    assert error.value.__context__ is None
    if isinstance(token, str) and len(token) > 40:
        assert not [part for part in token.split(".") if len(part) > 12 and part in str(error.value)]


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_what_is_signed_verifies(name: str) -> None:
    """RFC 7515 §5: with the key, its public part, a set that holds it; as text, as bytes, taken apart before."""
    key = Key.generate(name, kid="1")
    token = jws.sign(b"\0payload\xff", key, header={"typ": "x"})
    keys: list[Key | KeySet] = [key] if key.is_symmetric else [key, key.public(), KeySet([key])]
    for trusted in keys:
        for form in (token, token.encode(), jws.parse(token)):
            result = jws.verify(form, trusted, algorithms=[name])
            assert result.payload == b"\0payload\xff"
            assert result.header == {"alg": name, "kid": "1", "typ": "x"}


def test_an_empty_payload_is_a_payload() -> None:
    """RFC 7515 §3.1."""
    assert jws.verify(jws.sign(b"", KEY), KEY, algorithms={"ES256"}).payload == b""


def test_a_token_taken_apart_says_what_it_claims() -> None:
    """And is of a type of its own, since nothing in it is proved."""
    token = jws.parse(TOKEN)
    assert isinstance(token, UnverifiedToken)
    assert (token.algorithm, token.kid, token.payload) == ("ES256", "1", b"payload")
    assert token.header == {"alg": "ES256", "kid": "1"}
    assert token.signing_input == f"{HEADER}.{PAYLOAD}".encode()
    assert token.signature == base64url.decode(SIGNATURE)
    assert PAYLOAD not in repr(token)
    assert SIGNATURE not in repr(token)
    assert repr(jws.verify(TOKEN, KEY, algorithms={"ES256"})) == "<Signed 7 bytes>"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        HEADER,
        f"{HEADER}.{PAYLOAD}",
        f"{TOKEN}.",
        f".{TOKEN}",
        f"{TOKEN}.{PAYLOAD}",
        f"{HEADER}..{PAYLOAD}.{SIGNATURE}",
        f"{HEADER}.a.b.c.{SIGNATURE}",
        None,
        1,
        ["a", "b", "c"],
        {"payload": PAYLOAD, "protected": HEADER, "signature": SIGNATURE},
        bytearray(TOKEN.encode()),
    ],
)
def test_what_is_no_compact_jws_is_refused(token: Any) -> None:
    """RFC 7515 §3.1: three parts; a JWE has five, the JSON serializations are objects."""
    refused(token, "bad_json" if token == ".." else "malformed")


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("junk", [" ", "\n", "=", "+", "/", "\u0661", "\ud800", '"', "\\u0041", "\0"])
def test_no_part_holds_a_character_outside_the_alphabet(junk: str, place: int) -> None:
    """RFC 7515 §2, §5.2: nothing is trimmed, skipped or unescaped."""
    part = TOKEN.split(".")[place]
    for changed in (part + junk, junk + part, part[:4] + junk + part[4:]):
        parts = TOKEN.split(".")
        parts[place] = changed
        refused(".".join(parts), "bad_base64url")


def test_a_token_that_is_too_long_is_not_decoded() -> None:
    """The limit stands before every decoding; it counts the whole token."""
    assert jws.parse(TOKEN, max_size=len(TOKEN)).payload == b"payload"
    for token in (TOKEN, TOKEN.encode(), "\ud800" * len(TOKEN)):
        refused(token, "too_large", max_size=len(TOKEN) - 1)
    refused("." * 16_385, "too_large")


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", "ES256 ", "es256", "RS1", "HS1"])
def test_an_unknown_algorithm_is_refused_even_when_the_caller_names_it(name: str) -> None:
    """RFC 8725 §3.2: `none` does not exist here."""
    for signature in ("", SIGNATURE):
        token = f"{base64url.encode(strict_json.dumps({'alg': name, 'kid': '1'}))}.{PAYLOAD}.{signature}"
        for allowed in ({"ES256"}, {"ES256", name}, {name}):
            for key in (KEY, KeySet([KEY])):
                refused(token, "unsupported_algorithm", key=key, algorithms=allowed)


def test_only_the_named_algorithms_are_accepted() -> None:
    """RFC 8725 §3.1: the caller decides, not the token."""
    for allowed in (set(), {"ES384"}, ["RS256", "EdDSA"], frozenset({"es256"})):
        refused(TOKEN, "algorithm_not_allowed", algorithms=allowed)
    for text in ("ES256", "ES256 RS256", ""):
        with pytest.raises(TypeError):
            jws.verify(TOKEN, KEY, algorithms=text)


def test_a_public_key_is_never_an_hmac_secret() -> None:
    """RFC 8725 §2.1: a token signed with the published key as the secret, with all algorithms allowed."""
    for name in ("RS256", "ES256", "EdDSA"):
        key = Key.generate(name, kid="1")
        free = Key.from_jwk({member: value for member, value in key.to_jwk().items() if member not in {"alg", "use"}})
        for secret in (key.to_pem().encode(), key.to_pem().strip().encode(), strict_json.dumps(key.to_jwk())):
            hs256 = ALGORITHMS["HS256"].signer(secret)
            text = base64url.encode(strict_json.dumps({"alg": "HS256", "kid": "1"})) + "." + PAYLOAD
            token = f"{text}.{base64url.encode(hs256(text.encode()))}"
            for trusted in (key, free, KeySet([key]), KeySet([free])):
                refused(token, "key_not_usable", key=trusted, algorithms=set(ALGORITHMS))


def test_keys_that_the_token_brings_are_never_used() -> None:
    """RFC 8725 §3.10: neither jwk nor jku nor x5c nor x5u choose the key."""
    attacker = Key.generate("ES256", kid="1")
    for member, value in (
        ("jwk", attacker.to_jwk()),
        ("jku", "https://attacker.example/jwks.json"),
        ("x5u", "https://attacker.example/cert.pem"),
        ("x5c", [base64url.encode(b"certificate")]),
    ):
        members = {"alg": "ES256", "kid": "1", member: value}
        for key in (KEY, KeySet([KEY])):
            refused(signed(members, key=attacker), "bad_signature", key=key)
        assert jws.verify(signed(members), KEY, algorithms={"ES256"}).header == members


@pytest.mark.parametrize("size", [0, 1, 63, 65, 70, 71, 72, 128])
def test_an_ecdsa_signature_has_one_length(size: int) -> None:
    """RFC 7518 §3.4: DER, which has another, is refused."""
    refused(f"{HEADER}.{PAYLOAD}.{base64url.encode(b'A' * size)}", "bad_signature")


def test_an_ecdsa_signature_of_zeros_is_refused() -> None:
    """CVE-2022-21449."""
    refused(f"{HEADER}.{PAYLOAD}.{base64url.encode(bytes(64))}", "bad_signature")


def test_another_key_verifies_nothing() -> None:
    """With the same kid, algorithm and type."""
    other = Key.generate("ES256", kid="1")
    for key in (other, KeySet([other])):
        refused(TOKEN, "bad_signature", key=key)


def test_a_key_in_the_set_is_needed() -> None:
    """RFC 7515 §4.1.4: an unknown kid is not a reason to try the others."""
    refused(TOKEN, "unknown_key", key=KeySet([Key.generate("ES256", kid="2")]))
    refused(TOKEN, "unknown_key", key=KeySet())


def test_the_caller_gets_a_header_of_his_own() -> None:
    """What a caller does to it, the next one does not see."""
    for token in (TOKEN, signed({"alg": "ES256", "kid": "1", "x": {"y": [1]}})):
        expected = jws.parse(token).header
        for _ in range(3):
            result = jws.verify(token, KEY, algorithms={"ES256"})
            unverified = jws.parse(token)
            assert result.header == unverified.header == expected
            for members in (result.header, unverified.header):
                members.get("x", {"y": []})["y"].clear()
                members.clear()
            header.remembered.pop(b"", None)
        expected = jws.parse(token).header


def test_headers_are_remembered_only_when_their_token_verified() -> None:
    """Otherwise anybody could fill the memory; and never more than a bounded number, of a bounded size."""
    jws.parse(TOKEN)
    refused(f"{HEADER}.{PAYLOAD}.{base64url.encode(b'A' * 64)}", "bad_signature")
    assert header.remembered == {}
    jws.verify(TOKEN, KEY, algorithms={"ES256"})
    assert list(header.remembered) == [HEADER.encode()]
    kept_out: list[dict[str, Any]] = [{"jwk": KEY.to_jwk()}, {"x": []}, {"x": "x" * 1000}]
    for members in kept_out:
        jws.verify(signed({"alg": "ES256", **members}), KEY, algorithms={"ES256"})
    assert len(header.remembered) == 1
    for number in range(600):
        jws.verify(signed({"alg": "ES256", "number": number}), KEY, algorithms={"ES256"})
        assert len(header.remembered) <= 256


def test_a_remembered_header_is_judged_like_a_new_one() -> None:
    """The memory keeps what a header says, never that a token was good."""
    jws.verify(TOKEN, KEY, algorithms={"ES256"})
    refused(TOKEN, "algorithm_not_allowed", algorithms={"RS256"})
    refused(TOKEN, "bad_signature", key=Key.generate("ES256"))
    refused(f"{HEADER}.{base64url.encode(b'other')}.{SIGNATURE}", "bad_signature")


def test_signing_names_its_algorithm_and_key() -> None:
    """RFC 7515 §4.1.1, §4.1.4: from the key, unless the caller says otherwise; None leaves a member out."""
    free = Key.from_pem(KEY.to_pem(private=True))
    assert jws.parse(jws.sign(b"", free, header={"alg": "ES256"})).header == {"alg": "ES256"}
    assert jws.parse(jws.sign(b"", KEY, header={"kid": "2", "x": None})).header == {"alg": "ES256", "kid": "2"}
    with pytest.raises(JOSEError, match=r"malformed.*algorithm"):
        jws.sign(b"", free)
    for name, code in (("ES384", "key_not_usable"), ("HS256", "key_not_usable"), ("none", "unsupported_algorithm")):
        for key in (KEY, free):
            with pytest.raises(JOSEError, match=code):
                jws.sign(b"", key, header={"alg": name})
    with pytest.raises(JOSEError, match="public key cannot sign"):
        jws.sign(b"", KEY.public())


@pytest.mark.parametrize(
    "members", [{"crit": ["x"], "x": 1}, {"crit": []}, {"b64": False}, {"b64": False, "crit": ["b64"]}, {"kid": 1}]
)
def test_nothing_is_signed_that_could_not_be_verified(members: dict[str, Any]) -> None:
    """RFC 7515 §4.1.11, RFC 7797 §6."""
    with pytest.raises(JOSEError, match=r"malformed|unsupported_critical_header"):
        jws.sign(b"payload", KEY, header=members)
