"""What the coverage-guided run begins with, and how its inputs are put together (`fuzz.coverage`)."""

import json
from collections.abc import Iterator
from pathlib import Path

from fuzz.keys import Keys
from fuzz.scene import spelled
from fuzz.shapes import rfc9068

BETWEEN = b"\n\n"  # stands between a header and a payload
SIGNS = "EdDSA"  # signs the same for the same bytes, so that a finding can be found again


def seeds(keys: Keys, vectors: Path | None) -> Iterator[bytes]:
    """Inputs to begin with: good tokens, good documents, and published vectors where there are any."""
    scene = rfc9068(keys)
    for good in scene.good[SIGNS]:
        header, payload = (spelled(content) for content in (good.header, good.claims))
        yield b"\x00" + good.text
        yield b"\x01" + header + BETWEEN + payload
        yield b"\x02" + header + BETWEEN + payload
    for number in range(32):
        yield b"\x03" + bytes(range(number, number + 48))
    for key in scene.keys.issuer.values():
        jwk = json.dumps(key.to_jwk()).encode()
        yield b"\x04\x00" + jwk
        yield b"\x04\x01" + b'{"keys":[' + jwk + b"]}"
        yield b"\x04\x02" + key.to_pem().encode()
    yield b"\x04\x04" + json.dumps({"issuer": "https://id.example", "jwks_uri": "https://id.example/jwks"}).encode()
    if vectors is not None:
        yield from (b"\x00" + path.read_bytes().strip() for path in sorted(vectors.glob("jose-rfc/*.jwsc")))
        keys_of_others = (path.read_bytes() for path in sorted(vectors.glob("jose-rfc/*.jwk")))
        # Proving that the members of a private RSA key belong together takes as long as a hundred other inputs
        yield from (b"\x04\x00" + text for text in keys_of_others if b'"dp"' not in text)
