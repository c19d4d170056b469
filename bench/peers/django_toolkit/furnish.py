"""Make the peer's database: two clients, whose secret is hashed as Django hashes passwords, and people who signed in.

Run as `python furnish.py CLIENT_SECRET SESSIONS`. Prints one line of JSON: `{"version", "refresh_tokens"}`.
"""

import importlib.metadata
import json
import os
import secrets
import sys
from datetime import timedelta
from typing import Any

import django
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone


def main(client_secret: str, sessions: int) -> None:
    """Make all of it."""
    django.setup()
    call_command("migrate", verbosity=0)
    _application("service", client_secret, authorization_grant_type="client-credentials")
    web = _application(
        "web",
        client_secret,
        authorization_grant_type="authorization-code",
        redirect_uris="https://app.example.com/callback",
    )
    tokens = [_refresh_token(web, number) for number in range(sessions)]
    print(json.dumps({"version": importlib.metadata.version("django-oauth-toolkit"), "refresh_tokens": tokens}))


def _application(client_id: str, client_secret: str, **more: str) -> Any:
    return apps.get_model("oauth2_provider", "Application").objects.create(
        client_id=client_id, client_secret=client_secret, name=client_id, client_type="confidential", **more
    )


def _refresh_token(application: Any, number: int) -> str:
    user = apps.get_model("auth", "User").objects.create(username=f"person-{number}")
    access_token = apps.get_model("oauth2_provider", "AccessToken").objects.create(
        user=user,
        application=application,
        token=secrets.token_urlsafe(32),
        scope=os.environ["PEER_SCOPE"],
        expires=timezone.now() + timedelta(seconds=300),
    )
    token = secrets.token_urlsafe(32)
    apps.get_model("oauth2_provider", "RefreshToken").objects.create(
        user=user, application=application, token=token, access_token=access_token
    )
    return token


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
