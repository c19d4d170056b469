"""The examples of RFC 7520 and of its companions: keys, signatures, detached and unencoded payloads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.jose import JOSEError, Key, base64url, jws

Ran = Callable[[str], None]

DETERMINISTIC = {"RS256", "HS256", "EdDSA"}


def load(path: Path) -> Any:
    """The JSON of a file."""
    return json.loads(path.read_text(encoding="utf-8"))


def test_compact_signatures(vectors: Path, ran: Ran) -> None:
    """RFC 7520 §4.1 to §4.4 and RFC 8037 appendix A.4: every compact token verifies, and is made again where it can be.

    The JSON serializations are not implemented, so that §4.6 to §4.8, which have no other, are not run.
    """
    paths = [*sorted((vectors / "jose-cookbook/jws").glob("*.json")), vectors / "jose-cookbook/curve25519/jws.json"]
    run, left = [], []
    for path in paths:
        example = load(path)
        token = example["output"].get("compact")
        if token is None or ".." in token:
            left.append(path.name.split(".")[0])
            continue
        payload, algorithm = example["input"]["payload"].encode(), example["input"]["alg"]
        key = Key.from_jwk(example["input"]["key"])
        assert jws.verify(token, key, algorithms={algorithm}).payload == payload, path.name
        if algorithm in DETERMINISTIC:
            assert jws.sign(payload, key, header=example["signing"]["protected"]) == token
        run.append(algorithm)
    assert run == ["RS256", "PS384", "ES512", "HS256", "EdDSA"]
    assert left == ["4_5", "4_6", "4_7", "4_8"]
    ran(f"JOSE cookbook jws: {len(run)} compact tokens; JSON serialization only, not run: {', '.join(left[1:])}")


def test_detached_payload(vectors: Path, ran: Ran) -> None:
    """RFC 7520 §4.5: the payload travels beside the token, and only who asks for that can verify it."""
    example = load(vectors / "jose-cookbook/jws/4_5.signature_with_detached_content.json")
    token, payload = example["output"]["compact"], example["input"]["payload"].encode()
    key = Key.from_jwk(example["input"]["key"])
    assert jws.verify(token, key, algorithms={"HS256"}, payload=payload).payload == payload
    for other in (None, b"", payload + b"."):
        with pytest.raises(JOSEError, match="bad_signature"):
            jws.verify(token, key, algorithms={"HS256"}, payload=other)
    ran("JOSE cookbook jws 4_5: the detached token")


def test_unencoded_payload(vectors: Path, ran: Ran) -> None:
    """RFC 7797 with a payload that the compact form could carry; here it is passed detached."""
    example = load(vectors / "jose-cookbook/rfc7797/hmac-sha2_b64_false.json")
    header, payload, signature = example["output"]["compact"].split(".")
    key = Key.from_jwk(example["input"]["key"])
    token = f"{header}..{signature}"
    assert jws.verify(token, key, algorithms={"HS256"}, payload=payload.encode()).payload == payload.encode()
    with pytest.raises(JOSEError, match="malformed"):
        jws.verify(token, key, algorithms={"HS256"})
    with pytest.raises(JOSEError, match="bad_base64url"):
        jws.verify(example["output"]["compact"], key, algorithms={"HS256"})
    ran("JOSE cookbook rfc7797: 1 token")


def test_unencoded_payload_that_is_not_critical(vectors: Path, ran: Ran) -> None:
    """The published header of the other RFC 7797 example forgot `crit`, which RFC 7797 §6 demands: refused."""
    example = load(vectors / "jose-cookbook/rfc7797/4.2.hmac-sha2_b64_false.json")["output"]["json_flat"]
    assert json.loads(base64url.decode(example["protected"])) == {"alg": "HS256", "b64": False}
    with pytest.raises(JOSEError, match=r"malformed.*critical"):
        jws.parse(f"{example['protected']}..{example['signature']}")
    ran("JOSE cookbook rfc7797 4.2: refused, its header lacks crit")


def test_keys(vectors: Path, ran: Ran) -> None:
    """RFC 7520 §3: every key is read, and written again with the same members."""
    files = sorted((vectors / "jose-cookbook/jwk").glob("*.json"))
    read = 0
    for path in files:
        jwk = load(path)
        if jwk.get("use") == "enc":
            with pytest.raises(JOSEError, match="unsupported_algorithm"):
                Key.from_jwk(jwk)
            continue
        key = Key.from_jwk(jwk)
        assert key.to_jwk(private=key.is_private) == jwk, path.name
        read += 1
    assert (len(files), read) == (6, 5)
    ran(f"JOSE cookbook jwk: {read} keys, 1 refused: its alg A256GCM encrypts")
