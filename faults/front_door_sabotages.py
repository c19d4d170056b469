"""The bounds of the front door that are taken out, one function for each, in a server before it serves."""

from typing import Any

from faults.sabotage import Replace
from jotary.cli.front_door import protocol
from jotary.cli.front_door.watch import Watch


def no_room(replace: Replace) -> None:
    """Idle connections count as much as those that are served, and none makes room."""
    replace(Watch, "enter", Watch.wait_for)
    replace(Watch, "is_overloaded", lambda watch: len(vars(watch)["_connections"]) > vars(watch)["_limit"])


def no_head_size(replace: Replace) -> None:
    """A head of any size is read."""
    replace(protocol, "MAX_HEAD_SIZE", 2**40)


def no_shedding(replace: Replace) -> None:
    """Whatever comes is taken."""
    never: Any = lambda _: False  # noqa: E731 -- what stands in the method's place
    replace(Watch, "is_overloaded", never)
