"""Why a backup was not made, is not believed, or was not restored."""


class BackupError(Exception):
    """Nothing was written but what was there before.

    Attributes:
        hint: what to do about it, a sentence.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint
