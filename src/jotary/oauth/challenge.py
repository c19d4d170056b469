"""The WWW-Authenticate header (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9728 §5.1)."""


def www_authenticate(scheme: str = "Bearer", **parameters: str | None) -> str:
    """A challenge with its parameters as quoted strings, in the order given; None is left out."""
    pairs = [f'{name}="{_quote(value)}"' for name, value in parameters.items() if value is not None]
    return f"{scheme} {', '.join(pairs)}" if pairs else scheme


def _quote(value: str) -> str:
    """The inside of a quoted string (RFC 9110 §5.6.4), with nothing in it that could end the header."""
    printable = "".join(character if " " <= character <= "~" else "?" for character in value)
    return printable.replace("\\", "\\\\").replace('"', '\\"')
