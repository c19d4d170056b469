"""What a fault of the campaign is: a module with a name, its negative controls, and `run`."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Effort(enum.Enum):
    """How long a fault is injected: `FULL` is what `make faults` does, `SHORT` what `make test` does, in seconds."""

    FULL = "full"
    SHORT = "short"


@dataclass(frozen=True)
class Figure:
    """One thing that was counted or measured.

    Attributes:
        name: what it is, the same in every run, such as `acknowledged rotations lost`.
        seen: as a reader sees it.
        bound: the same, such as `0` or `at most 1`.
        met: whether what was seen keeps within the bound.
    """

    name: str
    seen: str
    bound: str
    met: bool

    @classmethod
    def at_most(cls, name: str, seen: int, bound: int) -> "Figure":
        """A count that must not exceed its bound."""
        return cls(name, f"{seen:,}", "0" if bound == 0 else f"at most {bound:,}", seen <= bound)

    @classmethod
    def at_least(cls, name: str, seen: int, bound: int) -> "Figure":
        """A count that shows that there was something to be seen at all."""
        return cls(name, f"{seen:,}", f"at least {bound:,}", seen >= bound)


@dataclass(frozen=True)
class Report:
    """What came of one fault.

    Attributes:
        figures: in the order in which they are shown.
        remarks: what a reader must know besides, such as what could not be done here.
    """

    figures: tuple[Figure, ...]
    remarks: tuple[str, ...] = ()

    def figure(self, name: str) -> Figure:
        """The figure of this name.

        Raises:
            KeyError: there is none.
        """
        return {figure.name: figure for figure in self.figures}[name]

    @property
    def met(self) -> bool:
        """Whether every figure keeps within its bound."""
        return all(figure.met for figure in self.figures)


@dataclass(frozen=True)
class Control:
    """A negative control: one guarded line taken out, so that a figure must turn red.

    Attributes:
        removes: the guard that is taken out, in words.
        sabotage: the function that does so, as `module:function` (`faults/sabotage.py` has those of this folder). It
            gets a `Replace` to call: in a server process before it serves (`Spawner.start` takes the name), or in
            this one (`sabotage.applied`).
        reddens: the name of the figure that must not be met any more.
    """

    removes: str
    sabotage: str
    reddens: str


class Fault(Protocol):
    """One module: what goes wrong, how it is done, and what must hold meanwhile.

    Its docstring says the rule and its source.
    """

    @property
    def NAME(self) -> str:  # noqa: N802 -- a constant of a module
        """As it is named on the command line, in words with hyphens."""

    @property
    def CONTROLS(self) -> Mapping[str, Control]:  # noqa: N802 -- a constant of a module
        """Its negative controls by name."""

    def run(self, effort: Effort, control: Control | None = None) -> Report:
        """Inject the fault, and count.

        Args:
            effort: how long.
            control: the sabotage that the servers are started with; controls are run at `Effort.SHORT` only.
        """
