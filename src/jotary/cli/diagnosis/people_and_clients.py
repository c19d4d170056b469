"""Who may do what: administrators, APIs, and clients whose set-up invites misuse."""

from urllib.parse import urlsplit

import sqlalchemy as sa

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, fail, ok, warn
from jotary.oauth.loopback import is_loopback
from jotary.server.model.client import Client
from jotary.server.store.rows import CLIENTS
from jotary.server.store.schema import clients, users


def check(deployment: Deployment) -> Findings:
    """Accounts, audiences, and every client."""
    yield _administrators(deployment)
    yield _audiences(deployment)
    found = deployment.read(_read)
    weak = [finding for client in found for finding in _client(client, deployment)]
    yield from weak
    if not weak:
        yield ok("clients", f"{len(found)} registered")


def _read(connection: sa.Connection) -> list[Client]:
    return [CLIENTS.record(row) for row in connection.execute(sa.select(*CLIENTS.columns).order_by(clients.c.id))]


def _administrators(deployment: Deployment) -> Finding:
    def read(connection: sa.Connection) -> int:
        living = users.c.is_admin.is_(sa.true()), users.c.disabled_at.is_(None)
        return connection.scalar(sa.select(sa.func.count()).select_from(users).where(*living)) or 0

    count = deployment.read(read)
    if count:
        return ok("administrators", str(count))
    return warn("administrators", "nobody", "jotary user create YOU@EXAMPLE.COM --admin")


def _audiences(deployment: Deployment) -> Finding:
    audiences = deployment.settings.audiences
    if audiences:
        return ok("audiences", ", ".join(audiences))
    return warn("audiences", "any API that a client names", "Set audiences to the URIs of your APIs.")


def _client(client: Client, deployment: Deployment) -> Findings:
    name = f"client {client.id}"
    for uri in client.redirect_uris:
        if urlsplit(uri).scheme == "http" and not is_loopback(urlsplit(uri).hostname):
            yield fail(name, f"codes travel in clear to {uri}", _another(client, uri))
        elif "*" in uri:
            yield fail(name, f"a wildcard in {uri}", _another(client, uri))
    if client.token_endpoint_auth_method in {"none", "private_key_jwt"} and client.secret_sha256 is not None:
        mend = f"Any change takes it away, such as: jotary client update {client.id} --name '{client.name}'"
        yield warn(name, "has a secret that it does not use", mend)
    unknown = set(client.audiences).difference(deployment.settings.audiences)
    if deployment.settings.audiences and unknown:
        mend = f"Add it to audiences, or: jotary client update {client.id} --remove-audience {min(unknown)}"
        yield warn(name, f"may ask for {min(unknown)}, which audiences does not name", mend)


def _another(client: Client, uri: str) -> str:
    return f"jotary client update {client.id} --remove-redirect-uri '{uri}' --add-redirect-uri https://…"
