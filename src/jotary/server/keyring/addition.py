"""Whether an operator's key may become the next one: a pure function of (keys, key, now, rules)."""

from collections.abc import Sequence

from jotary.server.keyring.schedule import Rules, is_awaited
from jotary.server.model.signing_key import SigningKey


class RotationRefusedError(Exception):
    """The keys cannot be changed in this way.

    Attributes:
        hint: what to do instead.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


def check_addition(keys: Sequence[SigningKey], added: SigningKey, now: int, rules: Rules, *, compromised: bool) -> None:
    """Refuse a key that the schedule could not take over.

    Raises:
        RotationRefusedError: with what to do instead.
    """
    announced = [key.id for key in keys if is_awaited(key, now, rules) and key.retiring_from is None]
    for is_wrong, problem, hint in (
        (
            not rules.are_external,  # the schedule would replace it by one of its own, and nobody would notice
            "the server makes its keys itself: signing_keys is sealed",
            'Set signing_keys = "external", start the servers with it, then add the key.',
        ),
        (
            added.algorithm != rules.algorithm,
            f"it is a key for {added.algorithm}, and signing_algorithm is {rules.algorithm}",
            "Take another key, or change signing_algorithm.",
        ),
        (
            any(key.id == added.id for key in keys),  # one that was withdrawn must not come back either
            f"the key {added.id} was added before",
            "Make a new one in the HSM or KMS.",
        ),
        (
            bool(announced) and not compromised,
            f"the key {''.join(announced[:1])} is announced already and takes over by itself",
            "Wait until it signs.",
        ),
    ):
        if is_wrong:
            raise RotationRefusedError(problem, hint=hint)
