"""A coverage-guided run: libFuzzer chooses the bytes by the branches of jotary that they reach (atheris).

Runs in a process of its own, as libFuzzer ends the process that it runs in. The first byte of an input says what the
rest is: the text of a token; a header and a payload that nobody signed; the same, signed by the issuer, so that the
rules behind the signature are reached; choices for the grammar; or a document with keys.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["jotary", "fuzz.defects"]):
    from fuzz.campaign import Campaign
    from fuzz.defects import DEFECTS
    from fuzz.dice import Given
    from fuzz.documents import READERS, Document
    from fuzz.findings import write_finding
    from fuzz.grammar.forge import forge
    from fuzz.keys import Keys
    from fuzz.scene import Scene, base64url
    from fuzz.seeds import BETWEEN, SIGNS
    from fuzz.tally import Finding, Tally

_READERS = list(READERS.items())


class FoundError(Exception):
    """Something that must not be; libFuzzer keeps the input."""


class Run:
    """One run, with the keys of a document.

    Args:
        document: the keys, as JSON.
        folder: where findings are written.
    """

    def __init__(self, document: str, folder: Path) -> None:
        self._campaign = Campaign(Keys.from_document(json.loads(document)))
        self._folder = folder

    def one(self, data: bytes) -> None:
        """Try one input.

        Raises:
            FoundError: it shows something that must not be; a file that `python -m fuzz replay` reads says what.
        """
        kind, rest = (data[0] % 5, data[1:]) if data else (0, b"")
        for finding in self._tried(kind, rest):
            write_finding(self._folder, finding, self._campaign.keys)
            raise FoundError(finding.what)

    def _tried(self, kind: int, rest: bytes) -> Iterator[Finding]:
        tally, scene = Tally(), self._campaign.own
        if kind == 4:
            name, read = _READERS[rest[0] % len(_READERS) if rest else 0]
            document = Document(name, rest[1:], read)
            for what in self._campaign.published(document, tally):
                yield Finding(what, "documents", name, document.text.decode("latin-1"))
            return
        token, mutation = _token(kind, rest, scene)
        for what in self._campaign.fire(Given(rest), scene, token, mutation, tally):
            yield Finding(what, scene.shape.name, mutation, token, scene.has_signed(token))


def _token(kind: int, rest: bytes, scene: Scene) -> tuple[str, str]:
    if kind == 3:
        return forge(Given(rest), scene)
    scene.forget()
    if kind == 0:
        return rest.decode("latin-1"), "coverage: a text"
    header, _, payload = rest.partition(BETWEEN)
    if kind == 1:
        signature = scene.good[SIGNS][0].parts[2]
        return b".".join((base64url(header), base64url(payload), signature)).decode(), "coverage: unsigned"
    return scene.sign(SIGNS, header, payload).decode(), "coverage: signed by the issuer"


def main(arguments: Sequence[str]) -> None:
    """Run; the arguments are the file with the keys, the folder for findings, a defect or "", and libFuzzer's own."""
    keys, folder, defect, *options = arguments
    if defect:
        setattr(*DEFECTS[defect])
    atheris.Setup([sys.argv[0], *options], Run(Path(keys).read_text(encoding="utf-8"), Path(folder)).one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
