"""Reading settings: the configuration file first, then the environment, which wins."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_origin

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.settings.annotation import is_duration, is_optional, kind_of
from jotary.server.settings.database import relative_to
from jotary.server.settings.duration import parse_duration
from jotary.server.settings.error import SettingsError
from jotary.server.settings.further_secrets import FILES_OF, find_further_secrets
from jotary.server.settings.record import DEFAULT_DATABASE, SECRETS, Settings
from jotary.server.settings.secret_source import FoundSecret, find_secret

#: The configuration file that is read when none is named.
DEFAULT_FILE: Final = "jotary.toml"
#: The environment variable that names another one.
CONFIG_VARIABLE: Final = "JOTARY_CONFIG"
#: What the environment variables begin with; behind it stands a setting's name in upper case.
PREFIX: Final = "JOTARY_"

_ANNOTATIONS: Final = {field.name: field.type for field in msgspec.structs.fields(Settings)}
_VARIABLES: Final = {f"{PREFIX}{name.upper()}": name for name in _ANNOTATIONS}
_TYPO: Final = 0.85  # how alike an unknown environment variable must be to a known one to be taken for a slip


class Loaded(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Settings, and where they came from."""

    settings: Settings
    config_file: Path | None
    secret: FoundSecret


class _Written(msgspec.Struct, frozen=True):
    """One setting as it was written, with where."""

    value: Any
    origin: str
    folder: Path  # what a relative path in it is relative to
    is_variable: bool


class _Read(msgspec.Struct, frozen=True):
    """Everything that was written, before there is a secret."""

    file: Path | None
    written: Mapping[str, _Written]
    values: Mapping[str, Any]  # those of `written` that are no secrets, converted
    secrets: Mapping[str, Any]


def load(
    config: Path | None = None, *, environ: Mapping[str, str], folder: Path, may_make_secret: bool = True
) -> Loaded:
    """Read the settings.

    Without a secret anywhere, a loopback issuer gets one made beside its database; a public one is refused.

    Args:
        config: the configuration file; None takes `JOTARY_CONFIG`, then `jotary.toml` in the folder if it is there.
        environ: environment variables; those that begin with `JOTARY_` win over the file. Empty ones count as absent.
        folder: the working directory.
        may_make_secret: False writes nothing, and takes a missing secret for an error.

    Raises:
        SettingsError: with the file or variable, what is wrong, and what to change.
    """
    read = _read(config, environ, folder)
    # All else must be right before a secret is made on disk.
    draft = _settings(read.values, _NO_SECRET, read.written)
    found = find_secret(read.secrets.get("secret"), settings=draft, folder=folder, may_make=may_make_secret)
    values = {**read.values, **find_further_secrets(read.secrets, settings=draft)}
    settings = _settings(values, found.secret, read.written, found.origin)
    return Loaded(settings=settings, config_file=read.file, secret=found)


def load_draft(config: Path | None = None, *, environ: Mapping[str, str], folder: Path) -> Settings:
    """The settings as `load` reads them, but for the secrets, of which none is looked for: this one opens nothing.

    For what must be decided before anything is made, and for who needs no secret.

    Raises:
        SettingsError: as `load`.
    """
    read = _read(config, environ, folder)
    return _settings(read.values, _NO_SECRET, read.written)


def _read(config: Path | None, environ: Mapping[str, str], folder: Path) -> _Read:
    file = _config_file(config, environ, folder)
    written = _from_file(file) | _from_environment(environ, folder)
    secrets = {name: written.pop(name).value for name in SECRETS & written.keys()}
    home = file.parent if file else folder
    values = {"database": relative_to(home, DEFAULT_DATABASE)}
    values |= {name: _convert(name, value) for name, value in written.items()}
    if isinstance(named := values.get("database_file"), str):
        values["database"] = relative_to(home, _database_in(Path(named), written))
    return _Read(file, written, values, secrets)


def _database_in(file: Path, written: Mapping[str, _Written]) -> str:
    """The URL in `database_file`, without the white space around it."""
    if "database" in written:
        hint = f"Leave out one of them; {written['database'].origin} has the other."
        raise SettingsError("contradicts database", hint=hint, name="database_file")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"  # the other one shows the bytes
        hint = "Write the URL of the database into that file."
        raise SettingsError(f"cannot be read: {reason}", hint=hint, name="database_file", origin=str(file)) from None


_NO_SECRET: Final = Secret("-" * 32)  # long enough to pass; in drafts only


def _settings(values: Mapping[str, Any], secret: Secret, written: Mapping[str, _Written], origin: str = "") -> Settings:
    try:
        return Settings(**values, secret=secret)
    except SettingsError as error:
        place = written.get(error.name or "") or (written.get("database_file") if error.name == "database" else None)
        raise error.at(place.origin if place else origin or "default") from None


def _config_file(config: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    named = config or environ.get(CONFIG_VARIABLE)
    if named:
        return folder / named
    default = folder / DEFAULT_FILE
    return default if default.exists() else None


def _from_file(file: Path | None) -> dict[str, _Written]:
    if file is None:
        return {}
    try:
        document = tomllib.loads(file.read_bytes().decode("utf-8-sig"))  # some editors begin a file with a mark
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        hint = "Make one with: jotary init" if is_missing else "Name a file that this user may read."
        raise SettingsError(f"cannot be read: {error.strerror}", hint=hint, origin=str(file)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"is not TOML: {error}", hint="Mend what stands there.", origin=str(file)) from None
    for name in document:
        _check_name(name, str(file))
    return {
        name: _Written(value, str(file), file.parent, is_variable=False)
        for name, value in document.items()
        if value != "" or not is_optional(_ANNOTATIONS[name])
    }


def _check_name(name: str, origin: str) -> None:
    if name in SECRETS:
        hint = f"Put it into a file of its own that {FILES_OF[name]} names, or into {PREFIX}{name.upper()}."
        raise SettingsError("does not belong in a configuration file", hint=hint, name=name, origin=origin)
    if name not in _ANNOTATIONS:
        nearest = difflib.get_close_matches(name, _ANNOTATIONS, n=1, cutoff=0.5)
        hint = f"Did you mean {nearest[0]}?" if nearest else f"The settings are: {', '.join(_ANNOTATIONS)}."
        raise SettingsError("is not a setting", hint=hint, name=name, origin=origin)


def _from_environment(environ: Mapping[str, str], folder: Path) -> dict[str, _Written]:
    for variable in environ:
        _check_variable(variable)
    return {
        name: _Written(environ[variable], variable, folder, is_variable=True)
        for variable, name in _VARIABLES.items()
        if environ.get(variable)
    }


def _check_variable(variable: str) -> None:
    """Refuse what looks like a setting misspelled.

    Not every unknown one: Kubernetes sets JOTARY_SERVICE_HOST and JOTARY_PORT where a service is called jotary.
    """
    if not variable.startswith(PREFIX) or variable in _VARIABLES or variable == CONFIG_VARIABLE:
        return
    nearest = difflib.get_close_matches(variable, _VARIABLES, n=1, cutoff=_TYPO)
    if nearest:
        raise SettingsError("is not a setting", hint=f"Did you mean {nearest[0]}?", origin=variable)


def _convert(name: str, written: _Written) -> Any:
    """The value in its field's type, as far as the way of writing decides; `Settings` checks the rest."""
    value = tuple(written.value) if isinstance(written.value, list) else written.value
    if isinstance(value, str) and name != "database":
        value = _from_text(value, _ANNOTATIONS[name], is_variable=written.is_variable)
    if name == "database" and isinstance(value, str):
        return relative_to(written.folder, value)
    return _resolved(value, written.folder) if name in {*FILES_OF.values(), "database_file"} else value


def _resolved(value: Any, folder: Path) -> Any:
    """A path or several, relative to the folder; anything else as it is, for `Settings` to refuse."""
    if isinstance(value, tuple):
        return tuple(_resolved(each, folder) for each in value)
    return str((folder / value).resolve()) if isinstance(value, str) and value else value


def _from_text(text: str, annotation: Any, *, is_variable: bool) -> Any:
    """What the text says, or the text itself, which `Settings` then refuses."""
    kind = kind_of(annotation)
    if is_variable and get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        if is_variable and get_origin(kind) is dict:
            return msgspec.json.decode(text)
        if is_duration(annotation):
            return parse_duration(text)
        return msgspec.convert(text, kind, strict=False) if is_variable else text  # a file has types of its own
    except ValueError:  # msgspec.ValidationError is one
        return text
