"""How a guarded line is taken out of a running program, for negative controls. Nothing in `src/` knows of this."""

import contextlib
from collections.abc import Callable, Iterator
from importlib import import_module
from unittest.mock import patch

from faults.fault import Control

#: Puts another value in the place of an attribute of a module or class.
Replace = Callable[[object, str, object], None]


def apply(name: str, replace: Replace = setattr) -> None:
    """Call the sabotage `module:function`; none if the name is empty. For a process that does nothing else."""
    if name:
        module, _, function = name.partition(":")
        getattr(import_module(module), function)(replace)


@contextlib.contextmanager
def applied(control: Control | None) -> Iterator[None]:
    """Take the line out in this process, and put it back."""
    with contextlib.ExitStack() as stack:

        def replace(target: object, name: str, value: object) -> None:
            stack.enter_context(patch.object(target, name, value))

        apply("" if control is None else control.sabotage, replace)
        yield
