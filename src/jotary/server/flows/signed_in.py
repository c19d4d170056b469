"""Who is signed in at this browser."""

from typing import Protocol

import msgspec

from jotary.jose import base64url
from jotary.oauth.secret import Secret
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.ports import SignIns, Users

#: Random bytes of the cookie's value: beyond guessing.
COOKIE_ENTROPY = 32
#: Seconds by which `last_seen_at` may lag behind, so that not every request writes.
TOUCH_INTERVAL = 60


class People(SignIns, Users, Protocol):
    """What is read to learn who is there."""


class SignedIn(msgspec.Struct, frozen=True):
    """A person, and the living sign-in of the browser that they use."""

    user: User
    sign_in: SignIn


def new_cookie(entropy: bytes) -> Secret:
    """The value of a new cookie, from `COOKIE_ENTROPY` random bytes."""
    if len(entropy) != COOKIE_ENTROPY:
        raise ValueError(f"a cookie takes {COOKIE_ENTROPY} random bytes")
    return Secret(base64url.encode(entropy))


def sign_in_id(cookie: Secret) -> str:
    """The id of the sign-in that a cookie's value opens; it does not give the value back."""
    return base64url.encode(cookie.sha256())


async def who_is_signed_in(people: People, cookie: Secret | None, *, now: int, idle_lifetime: int) -> SignedIn | None:
    """The active person behind a cookie whose sign-in is alive at `now`; `idle_lifetime` in seconds."""
    if cookie is None:
        return None
    sign_in = await people.sign_in(sign_in_id(cookie))
    if sign_in is None or not sign_in.is_alive(now, idle_lifetime=idle_lifetime):
        return None
    user = await people.user(sign_in.user_id)
    return SignedIn(user, sign_in) if user is not None and user.is_active else None
