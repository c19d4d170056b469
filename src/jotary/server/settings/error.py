"""The one error that reading settings raises."""


class SettingsError(Exception):
    """A setting that the server refuses to start with.

    Attributes:
        name: the setting, or None when the file as a whole is wrong.
        problem: what is wrong with it, without its value where that is a secret.
        hint: what to change.
        origin: the file or environment variable that it stands in; None until a source has been named.
    """

    def __init__(self, problem: str, *, hint: str, name: str | None = None, origin: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.name = name
        self.origin = origin

    def at(self, origin: str) -> "SettingsError":
        """The same refusal, naming where the setting stands."""
        return SettingsError(self.problem, hint=self.hint, name=self.name, origin=self.origin or origin)

    def __str__(self) -> str:
        """Where, which setting, and what is wrong with it; the hint is for a line of its own."""
        says_name_already = self.origin is not None and self.origin.lower().endswith(f"_{self.name}")  # a variable
        where = [part for part in (self.origin, None if says_name_already else self.name) if part]
        return ": ".join([*where, self.problem])
