"""What people allowed before it was noted at which APIs: kept, and good for none of them."""

import asyncio

import pytest
import sqlalchemy as sa

from jotary.server.model.consent import Consent
from jotary.server.store import migrations, open_store
from jotary.server.store.backends import backend

_USER = "INSERT INTO users (id, email, email_key, email_verified, created_at, is_admin)"
_CLIENT = (
    "INSERT INTO clients (id, name, type, token_endpoint_auth_method, redirect_uris, post_logout_redirect_uris,"
    " grant_types, scopes, audiences, is_first_party, created_at)"
)
_CONSENT = "INSERT INTO consents (user_id, client_id, scopes, granted_at)"


def _run(url: str, *statements: str) -> None:
    def run(connection: sa.Connection) -> None:
        for statement in statements:
            connection.execute(sa.text(statement))

    backend(url).change_schema(url, run)


def _consent(url: str, client_id: str) -> Consent | None:
    async def read() -> Consent | None:
        store = await open_store(url)
        try:
            return await store.consent("ada", client_id)
        finally:
            await store.close()

    return asyncio.run(read())


def _client(client_id: str) -> str:
    return f"{_CLIENT} VALUES ('{client_id}', 'x', 'web', 'none', '[]', '[]', '[]', '[]', '[]', FALSE, 1)"


def test_a_consent_of_an_earlier_version_stays_and_covers_no_api(
    new_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the person is asked again; and an earlier version that still runs can go on writing its own."""
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "HEAD", "0005")
        migrations.upgrade(new_database_url)
    user = f"{_USER} VALUES ('ada', 'a@b.example', 'a@b.example', FALSE, 1, FALSE)"
    before = f"{_CONSENT} VALUES ('ada', 'before', '[\"openid\"]', 1)"
    _run(new_database_url, user, _client("before"), _client("beside"), before)
    migrations.upgrade(new_database_url)
    _run(new_database_url, f"{_CONSENT} VALUES ('ada', 'beside', '[\"openid\"]', 1)")
    for client_id in ("before", "beside"):
        expected = Consent(user_id="ada", client_id=client_id, scopes=("openid",), granted_at=1)
        assert _consent(new_database_url, client_id) == expected
