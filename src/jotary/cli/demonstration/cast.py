"""The person and the clients of the demonstration, made as an operator would make them."""

import os
import secrets
from typing import Final

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.app import system_clock
from jotary.server.flows.administration.create_client import NewClient, create_client
from jotary.server.flows.administration.create_user import NewUser, create_user
from jotary.server.passwords import HashingPool
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store

EMAIL: Final = "ada@example.com"
NAME: Final = "Ada Lovelace"
#: An API that the ToDo API is not.
OTHER_AUDIENCE: Final = "https://reports.example.com"
SCOPES: Final = ("openid", "profile", "email", "todo:read", "todo:write")
NATIVE: Final = "todo-native"
WEB: Final = "todo-web"
ROBOT: Final = "todo-robot"
SWAGGER: Final = "todo-docs"


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """Who plays: one person, and the secrets of the two clients that have one."""

    password: Secret
    web_secret: Secret
    robot_secret: Secret


async def assemble(settings: Settings, *, todo_api: str, todo_web: str) -> Cast:
    """Make the person and the clients in the database of the settings.

    Args:
        settings: of the User API.
        todo_api: origin of the ToDo API, which is also its audience.
        todo_web: origin of the ToDo web app.
    """
    store = await open_store(settings.database)
    try:
        password = await _make_person(settings, store)
        secrets_by_client = [await _make_client(client, settings, store) for client in _clients(todo_api, todo_web)]
    finally:
        await store.close()
    web_secret, _, robot_secret, _ = secrets_by_client
    return Cast(password=password, web_secret=web_secret, robot_secret=robot_secret)


async def _make_person(settings: Settings, store: Store) -> Secret:
    password = Secret(secrets.token_urlsafe(9))
    hasher = HashingPool(workers=1, queue=4)
    try:
        await create_user(
            NewUser(email=EMAIL, name=NAME, password=password),
            store=store,
            hasher=hasher,
            entropy=os.urandom,
            settings=settings,
            now=system_clock(),
        )
    finally:
        hasher.close()
    return password


def _clients(todo_api: str, todo_web: str) -> tuple[NewClient, NewClient, NewClient, NewClient]:
    """The web app, a native app, a service, and the API's own documentation page."""
    return (
        NewClient(
            id=WEB,
            name="ToDo",
            type="web",
            redirect_uris=(f"{todo_web}/auth/callback",),
            post_logout_redirect_uris=(f"{todo_web}/",),
            scopes=SCOPES,
            audiences=(todo_api,),
            is_first_party=True,
        ),
        NewClient(
            id=NATIVE,
            name="ToDo on the command line",
            type="native",
            redirect_uris=("http://127.0.0.1/callback",),
            post_logout_redirect_uris=("http://127.0.0.1/signed-out",),
            scopes=SCOPES,
            audiences=(todo_api,),
            is_first_party=True,
        ),
        NewClient(id=ROBOT, type="service", scopes=("todo:read",), audiences=(todo_api, OTHER_AUDIENCE)),
        NewClient(
            id=SWAGGER,
            name="ToDo API documentation",
            type="native",
            redirect_uris=("http://127.0.0.1/docs/oauth2-redirect",),
            scopes=SCOPES,
            audiences=(todo_api,),
        ),
    )


async def _make_client(client: NewClient, settings: Settings, store: Store) -> Secret:
    registered = await create_client(
        client, store=store, audiences=settings.audiences, entropy=os.urandom, now=system_clock()
    )
    return registered.secret or Secret("")
