"""What a field's annotation says, in words for the operator: in refusals, in `jotary init`, in the documentation."""

from typing import Any, Final, Literal, get_args, get_origin

from jotary.server.settings.duration import format_duration

_PLAIN: Final = {bool: "true or false", tuple: "a list of texts", dict: "a table of texts"}


def is_duration(annotation: Any) -> bool:
    """Whether the field is a duration."""
    return bool((annotation.__metadata__[0].extra or {}).get("duration"))


def is_optional(annotation: Any) -> bool:
    """Whether the field may be absent. As TOML has no word for that, an empty text says so."""
    return type(None) in get_args(annotation.__origin__)


def kind_of(annotation: Any) -> Any:
    """The field's type without its bounds: `int`, `tuple`, a `Literal`, and so on."""
    return annotation.__origin__


def description(annotation: Any) -> str:
    """What the setting means."""
    text: str = annotation.__metadata__[0].description
    return text


def what_to_write(annotation: Any) -> str:
    """Which values the field takes."""
    kind, meta = annotation.__origin__, annotation.__metadata__[0]
    if is_duration(annotation):
        return f'a duration from "{format_duration(meta.ge)}" to "{format_duration(meta.le)}", or seconds'
    if kind is int:
        return f"a whole number from {meta.ge} to {meta.le}"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(kind))
    text = f"a text of at most {meta.max_length} characters" if meta.max_length else "a text"
    return _PLAIN.get(get_origin(kind) or kind, text)
