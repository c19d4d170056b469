"""What every connection of `jotary serve` passes before the application hears of it: sizes, times and numbers."""

from jotary.cli.front_door.protocol import FrontDoor

__all__ = ["FrontDoor"]
