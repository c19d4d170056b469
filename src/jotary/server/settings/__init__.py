"""What an operator may set: one frozen, validated record, read from `jotary.toml` and `JOTARY_*`."""

from jotary.server.settings.error import SettingsError
from jotary.server.settings.record import Settings
from jotary.server.settings.sources import Loaded, load, load_draft

__all__ = ["Loaded", "Settings", "SettingsError", "load", "load_draft"]
