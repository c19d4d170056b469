"""So many hostile tokens from the grammar, fired at everything that reads tokens."""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache

from fuzz import rules
from fuzz.dice import Dice, Seeded
from fuzz.documents import READERS, REFUSALS, Document, Documents, harm
from fuzz.grammar.forge import forge
from fuzz.keys import Keys
from fuzz.oracle import Judgement, Stage, octets_of
from fuzz.peers import Peers
from fuzz.scene import Scene
from fuzz.shapes import all_scenes
from fuzz.stopwatch import Stopwatch
from fuzz.tally import LIMIT, Finding, Slow, Tally
from fuzz.targets import TAKEN, Outcome, Targets

CHUNK = 10_000  # hostile tokens that one process forges from one seed
_EXPLAINED = 4  # one of so many goes through `explain`
_LARGE_HEADER = 512  # characters
_COMPARED = 16  # one of so many goes through the peers


class Campaign:
    """Fires tokens in one process.

    Args:
        keys: of the run.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.own, *self._others = all_scenes(keys)
        self._targets = {id(scene): Targets(scene) for scene in (self.own, *self._others)}
        self._documents = Documents(self.own)
        self._peers = Peers(keys)
        self._watch = Stopwatch()

    def run(self, dice: Dice, count: int) -> Tally:
        """Forge and fire until so many hostile tokens were fired; and one document for every ten of them."""
        tally = Tally()
        for _ in range(count // 10):
            document = self._documents.forge(dice)
            for what in self.published(document, tally):
                tally.findings.append(Finding(what, "documents", document.kind, document.text.decode("latin-1")))
        while tally.hostile < count:
            scene = self.own if dice.below(4) else dice.pick(self._others)
            forged = forge(dice, scene)
            for what in self.fire(dice, scene, forged.token, forged.mutation, tally):
                signed = scene.has_signed(forged.token)
                tally.findings.append(Finding(what, scene.shape.name, forged.mutation, forged.token, signed))
        return tally.without_factories()

    def fire(self, dice: Dice, scene: Scene, token: str, mutation: str, tally: Tally) -> Iterator[str]:
        """Fire one token, count it, and say what must not be."""
        judgement = scene.judge(token)
        targets = self._targets[id(scene)]
        try:
            self._watch.start()
            outcome = targets.verify(token)
            seconds = self._watch.passed()
            yield from self._timed(lambda: targets.verify(token), seconds, Slow(0, mutation, len(token)), tally)
            _count(scene, judgement, outcome, mutation, tally)
            yield from targets.disagreements(token, judgement, outcome)
            if scene is self.own and dice.one_in(_EXPLAINED):
                tally.targets["explain"] += 1
                yield from targets.contradictions(token, judgement, outcome)
            if scene is self.own and dice.one_in(_COMPARED):
                yield from self._compared(targets, token, judgement, tally)
        except Exception as crash:  # noqa: BLE001 -- every other exception is what is looked for
            tally.hostile += 1
            yield f"crashed: {type(crash).__name__}: {crash}"

    def again(self, dice: Dice, finding: Finding) -> list[str]:
        """Try a finding once more, and say what must not be."""
        for scene in (self.own, *self._others):
            if scene.shape.name == finding.scene:
                scene.forget()
                if finding.is_signed:
                    scene.remember(finding.token)
                return list(self.fire(dice, scene, finding.token, finding.mutation, Tally()))
        document = Document(finding.mutation, finding.token.encode("latin-1"), READERS[finding.mutation])
        return list(self.published(document, Tally()))

    def published(self, document: Document, tally: Tally) -> Iterator[str]:
        """Read one document; a key that is taken must do no harm."""
        tally.targets[f"document: {document.kind}"] += 1
        try:
            self._watch.start()
            for key in document.read(document.text):
                yield from harm(key)
        except REFUSALS:
            pass
        except Exception as crash:  # noqa: BLE001 -- every other exception is what is looked for
            yield f"crashed: {type(crash).__name__}: {crash}"
        # Whoever reads a private key chose it: proving that its members belong together may take long.
        if self._watch.passed() > LIMIT and b"PRIVATE" not in document.text and b'"d":' not in document.text:
            seconds = self._watch.shortest(lambda: document.read(document.text))
            if seconds > LIMIT:
                yield f"slow: {seconds * 1000:.1f} ms"

    def _timed(self, call: Callable[[], object], seconds: float, slow: Slow, tally: Tally) -> Iterator[str]:
        if seconds > tally.slowest.seconds:
            seconds = min(seconds, self._watch.shortest(call))
            tally.slowest = max(tally.slowest, slow._replace(seconds=seconds))
            if seconds > LIMIT:
                yield f"slow: {seconds * 1000:.1f} ms"

    def _compared(self, targets: Targets, token: str, judgement: Judgement, tally: Tally) -> Iterator[str]:
        tally.targets["PyJWT and joserfc"] += 1
        reasons = _header_of(token) if judgement.stage > Stage.SIGNATURE else set()
        for difference, reason in self._peers.differences(token, targets.jws(token), reasons):
            if reason is None:
                yield difference
            else:
                tally.explained[reason] += 1


def _header_of(token: str) -> set[str]:
    """What about the header of a good token may lead another library to refuse it."""
    text = token.encode().split(b".")[0]
    header = rules.read_object(octets_of(text) or b"") or {}
    return {*header, str(header.get("alg")), *(["large"] if len(text) > _LARGE_HEADER else [])}


def _count(scene: Scene, judgement: Judgement, outcome: Outcome, mutation: str, tally: Tally) -> None:
    for target in (f"verifier, {scene.shape.name}", "jws.verify", "jwt.verify"):
        tally.targets[target] += 1
    if judgement.stage is not Stage.LEGITIMATE:
        tally.hostile += 1
        tally.refused[mutation][outcome] += 1
    elif scene.is_undecided(judgement):
        tally.undecided += 1
    elif outcome == TAKEN:
        tally.legitimate[mutation] += 1


@cache
def _campaign(document: str) -> Campaign:
    """The campaign of this process: its keys are read once."""
    return Campaign(Keys.from_document(json.loads(document)))


def _chunk(document: str, seed: str, count: int) -> Tally:
    return _campaign(document).run(Seeded(seed), count)


def run(document: str, seed: int, count: int, *, processes: int, progress: Callable[[Tally], None]) -> Tally:
    """Fire so many hostile tokens from as many processes; the same seed forges in the same way.

    Args:
        document: the keys, as JSON.
        seed: of the run.
        count: of hostile tokens, altogether.
        processes: 1 for this one.
        progress: is called after each part.
    """
    chunks = [(f"{seed}/{start}", min(CHUNK, count - start)) for start in range(0, count, CHUNK)]
    total = Tally()
    for part in _parts(document, chunks, processes):
        total.add(part)
        progress(total)
    return total


def _parts(document: str, chunks: list[tuple[str, int]], processes: int) -> Iterator[Tally]:
    if processes == 1:
        yield from (_chunk(document, *chunk) for chunk in chunks)
        return
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        for future in as_completed([pool.submit(_chunk, document, *chunk) for chunk in chunks]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)  # a chunk that fails is told at once, not after all the others
