"""What `jotary serve` says when it starts."""

import importlib.metadata
import socket
from urllib.parse import urlsplit

import click

from jotary.cli.listening import url_of
from jotary.server.settings import Loaded
from jotary.server.settings.database import without_password
from jotary.server.settings.issuer import is_loopback_issuer


def introduce(loaded: Loaded, listener: socket.socket) -> None:
    """Say who the server is, where its things are, and what to do first."""
    settings = loaded.settings
    rows = [
        ("issuer", settings.issuer),
        ("listens on", _place(listener)),
        ("database", without_password(settings.database)),
        ("secret", loaded.secret.origin + (" (made just now; back it up with the database)" * loaded.secret.is_new)),
        ("settings", str(loaded.config_file or "defaults (jotary init writes a file)")),
    ]
    click.echo(f"jotary {importlib.metadata.version('jotary')}")
    for name, value in rows:
        click.echo(f"  {name:<11} {value}")
    warning = _mismatch(settings.issuer, listener)
    if warning is not None:
        click.echo(warning, err=True)
    if is_loopback_issuer(settings.issuer):
        click.echo(_FIRST_STEPS.format(issuer=settings.issuer.rstrip("/")))


_FIRST_STEPS = """
First steps, in another terminal:
  jotary user create you@example.com
  jotary client create my-app --type web --redirect-uri http://127.0.0.1:8001/auth/callback
  curl {issuer}/.well-known/openid-configuration
Stop with Ctrl-C."""


def _place(listener: socket.socket) -> str:
    return str(listener.getsockname()) if listener.family == getattr(socket, "AF_UNIX", None) else url_of(listener)


def _mismatch(issuer: str, listener: socket.socket) -> str | None:
    """A loopback issuer has no proxy in front, so that clients look for the server where the issuer says."""
    if not is_loopback_issuer(issuer) or listener.family == getattr(socket, "AF_UNIX", None):
        return None
    port = listener.getsockname()[1]
    parts = urlsplit(issuer)
    if (parts.port or {"http": 80, "https": 443}[parts.scheme]) == port:
        return None
    return f"Warning: clients look for the issuer {issuer}, but the server listens on port {port}. Set JOTARY_ISSUER."
