"""Every setting in words: for the file that `jotary init` writes, and for the documentation."""

import json
import textwrap
from typing import Any, Final

import msgspec

from jotary.server.settings.annotation import description, is_duration, what_to_write
from jotary.server.settings.duration import format_duration
from jotary.server.settings.record import SECRETS, Settings
from jotary.server.settings.sources import PREFIX

_ABSENT: Final = '""'  # what a setting without a default is when nothing is written
_WIDTH: Final = 100  # characters of a comment's line


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One setting in words."""

    name: str
    variable: str  # the environment variable
    description: str
    takes: str  # what may be written
    default: str | None  # as TOML; None: it has none
    in_file: bool  # whether it may stand in the configuration file


def entries() -> list[Entry]:
    """Every setting, in the order of the record."""
    return [
        Entry(
            name=field.name,
            variable=f"{PREFIX}{field.name.upper()}",
            description=description(field.type),
            takes=what_to_write(field.type),
            default=_default(field),
            in_file=field.name not in SECRETS,
        )
        for field in msgspec.structs.fields(Settings)
    ]


def _default(field: msgspec.structs.FieldInfo) -> str | None:
    """The default as it would be written in the file."""
    if field.default_factory is not msgspec.NODEFAULT:
        return _toml(field.default_factory())
    if field.default in (msgspec.NODEFAULT, None):
        return None
    return _toml(format_duration(field.default) if is_duration(field.type) else field.default)


def _toml(value: Any) -> str:
    """A text, number, truth value, list of texts or empty table: JSON writes these as TOML does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def commented_file(*, issuer: str | None, secret_file: str) -> str:
    """A configuration file in which every setting is explained and stands as a comment, but for these two.

    Args:
        issuer: what to set as the issuer; None leaves its default.
        secret_file: the file that the secret will be in.
    """
    chosen = {"secret_file": _toml(secret_file), **({} if issuer is None else {"issuer": _toml(issuer)})}
    return _HEAD + "".join(_lines(entry, chosen.get(entry.name)) for entry in entries() if entry.in_file)


_HEAD: Final = """\
# Settings of the jotary server. What stands as a comment is the default.
# Durations are seconds, or texts such as "90s", "5m", "12h" and "14d"; paths are relative to this file.
# Every setting can also be given as an environment variable, which wins: issuer as JOTARY_ISSUER, and so on.
"""


def _lines(entry: Entry, chosen: str | None) -> str:
    words = textwrap.fill(
        entry.description, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )
    setting = f"{entry.name} = {chosen}" if chosen else f"# {entry.name} = {entry.default or _ABSENT}"
    return f"\n{words}\n{setting}\n"
