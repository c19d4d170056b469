"""A finding in a file, with the keys that it was found with, so that it can be seen again."""

import json
from pathlib import Path

from fuzz.keys import Keys
from fuzz.tally import Finding


def write_finding(folder: Path, finding: Finding, keys: Keys) -> Path:
    """Write a finding to a file that says how to see it again."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"finding-{len(list(folder.glob('finding-*.json'))) + 1:03}.json"
    document = {**finding._asdict(), "keys": keys.to_document(), "replay": f"python -m fuzz replay {path.name}"}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


def read_finding(path: Path) -> tuple[Finding, Keys]:
    """Read what `write_finding` wrote."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Finding(**{name: document[name] for name in Finding._fields}), Keys.from_document(document["keys"])
