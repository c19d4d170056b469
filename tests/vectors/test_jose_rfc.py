"""The examples in the appendices of RFC 7515, 7517, 7520, 7638 and 8037."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.jose import JOSEError, Key, KeySet, jws
from jotary.jose.algorithms import ALGORITHMS

Ran = Callable[[str], None]


def text(folder: Path, name: str) -> str:
    """The text of a file; one that holds only another one's name stands for it."""
    content = (folder / name).read_text(encoding="utf-8").strip()
    return text(folder, content) if content.endswith(".jwk") else content


def test_compact_tokens(vectors: Path, ran: Ran) -> None:
    """Every compact JWS verifies with its key; the unsecured one of RFC 7515 A.5 never does."""
    folder = vectors / "jose-rfc"
    verified = []
    for path in sorted(folder.glob("*.jwsc")):
        if path.stem in {"rfc7515_A.5", "rfc7520_4.5"}:
            continue
        key = Key.from_jwk(json.loads(text(folder, f"{path.stem}.jwk")))
        assert jws.verify(path.read_text().strip(), key, algorithms=ALGORITHMS).payload, path.stem
        verified.append(path.stem.removeprefix("rfc"))
    assert verified == [f"7515_A.{n}" for n in (1, 2, 3, 4)] + [f"7520_4.{n}" for n in (1, 2, 3, 4)]
    ran(f"jose-rfc: {len(verified)} compact tokens: {', '.join(verified)}")


def test_detached_token(vectors: Path, ran: Ran) -> None:
    """RFC 7520 §4.5."""
    folder = vectors / "jose-rfc"
    key = Key.from_jwk(json.loads(text(folder, "rfc7520_4.5.jwk")))
    payload = (folder / "rfc7520_4.5.payl").read_bytes()
    assert jws.verify(text(folder, "rfc7520_4.5.jwsc"), key, algorithms={"HS256"}, payload=payload).payload == payload
    ran("jose-rfc: the detached token 7520_4.5")


def test_unsecured_token_is_refused(vectors: Path, ran: Ran) -> None:
    """RFC 7515 A.5 (`none`), with every key of the set and even when the caller names it."""
    folder = vectors / "jose-rfc"
    token = text(folder, "rfc7515_A.5.jwsc")
    for name in ("rfc7515_A.1.jwk", "rfc7515_A.2.jwk", "rfc7515_A.3.jwk"):
        with pytest.raises(JOSEError, match="unsupported_algorithm"):
            jws.verify(token, Key.from_jwk(json.loads(text(folder, name))), algorithms={"none", "HS256"})
    ran("jose-rfc: the unsecured token 7515_A.5 refused")


def test_json_serializations_are_not_taken(vectors: Path, ran: Ran) -> None:
    """Flattened and general JWS are not implemented: refused as text and as an object."""
    files = sorted([*(vectors / "jose-rfc").glob("*.jwsf"), *(vectors / "jose-rfc").glob("*.jwsg")])
    for path in files:
        document: Any = json.loads(path.read_text())
        for token in (path.read_text(), document):
            with pytest.raises(JOSEError, match=r"malformed|bad_base64url"):
                jws.parse(token)
    assert len(files) == 17
    ran(f"jose-rfc: {len(files)} tokens in a JSON serialization, all refused: not implemented")


def test_keys(vectors: Path, ran: Ran) -> None:
    """Every key of RFC 7515, 7517 and 7520 is read and written again as it was, but for algorithms that encrypt."""
    folder = vectors / "jose-rfc"
    read, refused = [], []
    for path in sorted(folder.glob("*.jwk")):
        jwk = json.loads(text(folder, path.name))
        if jwk.get("alg", "HS256") not in ALGORITHMS:
            with pytest.raises(JOSEError, match="unsupported_algorithm"):
                Key.from_jwk(jwk)
            refused.append(f"{path.stem} ({jwk['alg']})")
            continue
        key = Key.from_jwk(jwk)
        assert key.to_jwk(private=key.is_private).items() >= {k: v for k, v in jwk.items() if k != "x5c"}.items()
        read.append(path.stem)
    assert (len(read), len(refused)) == (30, 10)
    ran(f"jose-rfc: {len(read)} keys; refused, for their alg encrypts: {', '.join(refused)}")


def test_key_sets(vectors: Path, ran: Ran) -> None:
    """RFC 7517 appendix A: of the public set the signature key is usable, of the private and symmetric sets nothing."""
    folder = vectors / "jose-rfc"
    public = KeySet.from_jwks((folder / "rfc7517_A.1.jwkset").read_bytes())
    assert [key.kid for key in public] == ["2011-04-29"]
    assert [ignored.kid for ignored in public.ignored] == ["1"]
    for name in ("rfc7517_A.2.jwkset", "rfc7517_A.3.jwkset"):
        assert len(KeySet.from_jwks((folder / name).read_bytes())) == 0
    ran("jose-rfc: 3 key sets")


def test_thumbprints(vectors: Path, ran: Ran) -> None:
    """RFC 7638 §3.1 and RFC 8037 appendix A.3."""
    folder = vectors / "jose-rfc"
    assert Key.from_jwk(json.loads(text(folder, "rfc7638_3.1.jwk"))).thumbprint() == text(folder, "rfc7638_3.1.thp")
    constants = json.loads((vectors / "rfc-constants.json").read_text())["rfc8037_A3_thumbprint"]
    assert Key.from_jwk(constants["jwk"]).thumbprint() == constants["thumbprint"]
    ran("jose-rfc and rfc-constants: 2 thumbprints")
