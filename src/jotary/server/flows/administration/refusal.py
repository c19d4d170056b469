"""Why an operator's wish is not carried out."""


class AdministrationError(Exception):
    """Nothing was written.

    Attributes:
        problem: what is wrong, without a full stop.
        hint: what to do instead, a sentence.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
