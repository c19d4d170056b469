"""JSONTestSuite: what every JSON parser must take, must refuse, and may do as it likes with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jotary.jose import JOSEError, strict_json

Ran = Callable[[str], None]

# RFC 8259 §4 only says that names SHOULD be unique; RFC 7515 §4 and RFC 7519 §4 let us refuse, so that nobody else
# reads another value than we do.
STRICTER = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}

# What is left to the parser and has one clear meaning: a number too close to zero for a double is zero.
TAKEN = {"i_number_double_huge_neg_exp.json", "i_number_real_underflow.json"}

TRANSFORMS_TAKEN = {
    "number_-9223372036854775808.json": [-(2**63)],
    "number_9223372036854775807.json": [2**63 - 1],
    "number_1000000000000000.json": [10**15],
    "number_1.0.json": [1.0],
    "number_1.000000000000000005.json": [1.0],
    "number_1e-999.json": [0.0],
    "number_1e6.json": [1e6],
    "object_key_nfc_nfd.json": {"\u00e9": "NFC", "e\u0301": "NFD"},
    "object_key_nfd_nfc.json": {"e\u0301": "NFD", "\u00e9": "NFC"},
    "string_with_escaped_NULL.json": ["A\0B"],
}


def accepted(path: Path) -> bool:
    """Whether the file is taken."""
    try:
        strict_json.loads(path.read_bytes(), max_size=1 << 20)
    except JOSEError:
        return False
    return True


@pytest.mark.parametrize(("kind", "count", "taken"), [("y", 95, 93), ("n", 188, 0), ("i", 35, len(TAKEN))])
def test_parsing(kind: str, count: int, taken: int, vectors: Path, ran: Ran) -> None:
    """y_ files are taken but for repeated names, n_ files never, i_ files only where the meaning is clear."""
    files = sorted((vectors / "jsontestsuite" / "test_parsing").glob(f"{kind}_*.json"))
    found = {path.name for path in files if accepted(path)}
    expected = {"y": {path.name for path in files} - STRICTER, "n": set(), "i": TAKEN}[kind]
    assert found == expected
    assert (len(files), len(found)) == (count, taken)
    ran(f"JSONTestSuite {kind}_: {count} files, {taken} taken")


def test_transforms(vectors: Path, ran: Ran) -> None:
    """Where parsers disagree about a value, it is read exactly or refused."""
    files = sorted((vectors / "jsontestsuite" / "test_transform").glob("*.json"))
    found = {path.name: strict_json.loads(path.read_bytes()) for path in files if accepted(path)}
    assert found == TRANSFORMS_TAKEN
    assert len(files) == 22
    ran(f"JSONTestSuite test_transform: {len(files)} files, {len(found)} taken")
