"""Puts the demonstration on: people and clients made, three servers started, everything in one folder."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from jotary.cli.demonstration.cast import SWAGGER, WEB, Cast, assemble
from jotary.cli.demonstration.player import Player
from jotary.cli.demonstration.stage import Stage
from jotary.jose import strict_json
from jotary.oauth.secret import Secret
from jotary.server.settings import Settings

USER_API: Final = "user-api"
TODO_API: Final = "todo-api"
TODO_WEB: Final = "todo-web"

#: Where the three stand if nobody else does.
PREFERRED_PORTS: Final = (8000, 8001, 8002)


class Production(msgspec.Struct, frozen=True, kw_only=True):
    """The servers' addresses, and who plays."""

    settings: Settings
    todo_api: str
    todo_web: str
    web_secret: str  # seals the web app's cookies
    cast: Cast

    @property
    def issuer(self) -> str:
        """The User API."""
        return self.settings.issuer

    def player(self) -> Player:
        """Somebody to play the story."""
        return Player(issuer=self.issuer, todo_api=self.todo_api, todo_web=self.todo_web, cast=self.cast)


def put_on(
    stage: Stage,
    folder: Path,
    *,
    access_token_lifetime: int,
    leeway: int = 5,
    user_api: Mapping[str, str] = MappingProxyType({}),
) -> Production:
    """Make everything and start the servers.

    Args:
        stage: on which they run.
        folder: for databases and logs.
        access_token_lifetime: seconds.
        leeway: seconds that the ToDo API allows for clocks.
        user_api: further settings of the User API, as environment variables.

    Raises:
        StageError: a server did not start.
    """
    doors = [stage.open_door(preferred) for preferred in PREFERRED_PORTS]
    production = _prepare(*(door.port for door in doors), folder=folder, lifetime=access_token_lifetime)
    todo_api = _todo_api(production, folder) | {"TODO_LEEWAY": str(leeway)}
    parts = (
        (USER_API, "jotary.server.app:from_environment", {**_user_api(production.settings), **user_api}),
        (TODO_API, "todo.api.app:from_environment", todo_api),
        (TODO_WEB, "todo.web.app:from_environment", _todo_web(production)),
    )
    for door, (name, application, environment) in zip(doors, parts, strict=True):
        stage.start(name, application, door=door, environment=environment)
    return production


def _prepare(user_api: int, todo_api: int, todo_web: int, *, folder: Path, lifetime: int) -> Production:
    """Settings, people and clients for servers at these ports."""
    # Two host names for one machine: cookies do not know ports, and the two apps must not see each other's.
    issuer, api, web = f"http://127.0.0.1:{user_api}", f"http://127.0.0.1:{todo_api}", f"http://localhost:{todo_web}"
    settings = Settings(
        issuer=issuer,
        database=f"sqlite:///{folder / 'users.db'}",
        secret=Secret(secrets.token_urlsafe(32)),
        access_token_lifetime=lifetime,
        service_name="User API",
        scope_descriptions={"todo:read": "Read your tasks", "todo:write": "Change your tasks"},
    )
    cast = asyncio.run(assemble(settings, todo_api=api, todo_web=web))
    return Production(settings=settings, todo_api=api, todo_web=web, web_secret=secrets.token_urlsafe(32), cast=cast)


def _user_api(settings: Settings) -> dict[str, str]:
    return {
        "JOTARY_ISSUER": settings.issuer,
        "JOTARY_DATABASE": settings.database,
        "JOTARY_SECRET": settings.secret.reveal(),
        "JOTARY_ACCESS_TOKEN_LIFETIME": str(settings.access_token_lifetime),
        "JOTARY_SERVICE_NAME": settings.service_name,
        "JOTARY_SCOPE_DESCRIPTIONS": strict_json.dumps(settings.scope_descriptions).decode(),
    }


def _todo_api(production: Production, folder: Path) -> dict[str, str]:
    return {
        "TODO_ISSUER": production.issuer,
        "TODO_AUDIENCE": production.todo_api,
        "TODO_DATABASE": str(folder / "todo.db"),
        "TODO_SWAGGER_CLIENT_ID": SWAGGER,
    }


def _todo_web(production: Production) -> dict[str, str]:
    return {
        "TODO_ISSUER": production.issuer,
        "TODO_AUDIENCE": production.todo_api,
        "TODO_API_URL": production.todo_api,
        "TODO_WEB_URL": production.todo_web,
        "TODO_CLIENT_ID": WEB,
        "TODO_CLIENT_SECRET": production.cast.web_secret.reveal(),
        "TODO_SECRET": production.web_secret,
    }
