"""What a token is fired at, and what must come of it: the oracle's verdict in each, and no other exception."""

from collections.abc import Callable, Iterator

from fuzz.keys import ALGORITHMS
from fuzz.oracle import Judgement, Stage
from fuzz.scene import LEEWAY, MAX_SIZE, NOW, Scene
from jotary.jose import JOSEError, KeySet, jws, jwt
from jotary.verifier import InvalidToken, KeysUnavailable
from jotary.verifier.explain import Circumstances, Explanation, explain

#: What came of a token: taken, or refused by the check that has this name.
Outcome = str
TAKEN: Outcome = "taken"


class Targets:
    """The targets of one scene.

    Args:
        scene: its keys and its verifier are fired at.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._keys: KeySet = scene.keys.key_set
        self._circumstances = Circumstances(
            issuer=scene.verifier.issuer,
            audiences=scene.verifier.audiences,
            keys=self._keys,
            algorithms=ALGORITHMS,
            leeway=LEEWAY,
            max_size=MAX_SIZE,
        )

    def verify(self, token: str) -> Outcome:
        """`TokenVerifier.verify`; what is not documented comes out as it is."""
        try:
            self._scene.verifier.verify(token)
        except InvalidToken as refusal:
            return refusal.claim
        except KeysUnavailable:
            return "keys"
        return TAKEN

    def jws(self, token: str) -> Outcome:
        """`jws.verify`."""
        return _outcome(lambda: jws.verify(token, self._keys, algorithms=ALGORITHMS, max_size=MAX_SIZE))

    def jwt(self, token: str) -> Outcome:
        """`jwt.verify`, of any type."""
        return _outcome(lambda: jwt.verify(token, self._keys, algorithms=ALGORITHMS, typ=None, max_size=MAX_SIZE))

    def explain(self, token: str) -> Explanation:
        """`jotary explain`."""
        return explain(token, self._circumstances, NOW)

    def disagreements(self, token: str, judgement: Judgement, outcome: Outcome) -> Iterator[str]:
        """Where the verifier or the layers below it do not do what the oracle says."""
        must_be_taken = judgement.stage is Stage.LEGITIMATE
        if outcome == TAKEN and not must_be_taken:
            yield f"accepted, and breaks {_named(judgement)}"
        elif outcome != TAKEN and must_be_taken and not self._scene.is_undecided(judgement):
            yield f"refused by {outcome}, and breaks no rule"
        elif outcome not in {TAKEN, *judgement.broken} and not must_be_taken and self._scene.shape.is_complete:
            yield f"refused by {outcome}, and breaks {_named(judgement)}"
        has_signature = judgement.stage > Stage.SIGNATURE
        if (self.jws(token) == TAKEN) != has_signature:
            yield f"jws.verify says {self.jws(token)}, and it breaks {_named(judgement)}"
        if self.jwt(token) == TAKEN and judgement.stage <= Stage.JSON:
            yield f"jwt.verify accepted, and it breaks {_named(judgement)}"

    def contradictions(self, token: str, judgement: Judgement, outcome: Outcome) -> Iterator[str]:
        """Where the explanation says something else than the verifier did; for tokens of RFC 9068."""
        explained = self.explain(token)
        if (explained.verdict == "accepted") != (outcome == TAKEN):
            yield f"explained as {explained.verdict}, and the verifier says {outcome}"
        if explained.signature_holds and judgement.stage <= Stage.SIGNATURE:
            yield "explained as signed, and it is not"


def _outcome(verify: Callable[[], object]) -> Outcome:
    try:
        verify()
    except JOSEError as refusal:
        return refusal.code
    return TAKEN


def _named(judgement: Judgement) -> str:
    return f"{', '.join(sorted(judgement.broken)) or 'no rule'} ({judgement.stage.name})"
