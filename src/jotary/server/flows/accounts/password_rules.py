"""What a new password must be: long enough, and not easily guessed (NIST SP 800-63B §3.1.1.2; no composition rules)."""

import re
from collections.abc import Iterable
from threading import Lock
from typing import Final

from jotary.oauth.secret import Secret
from jotary.server.flows.factors.password import MAX_PASSWORD_LENGTH
from jotary.server.model.user import User
from jotary.server.settings import Settings

#: On zxcvbn's scale from 0 to 4: about 10^8 guesses and more, safe against guessing at a sign-in page and, behind
#: Argon2id, hard to find from a stolen table.
MIN_SCORE: Final = 3

# zxcvbn's work grows with the square of the length, and with the number of ways to read symbols as letters: 72
# characters that hold all of these cost it 1.9 s, with twelve of them 50 ms. Behind so many no word is in hiding.
_SCORED_LENGTH: Final = 72
_SCORED_SYMBOLS: Final = 12
_SYMBOLS_FOR_LETTERS: Final = frozenset("4@8({[<369!|1705$+%2")

_ONE_AT_A_TIME: Final = Lock()  # zxcvbn keeps the personal words of a call in a module-wide dictionary


def refusals(password: str, *, personal: Iterable[str], min_length: int) -> tuple[str, ...]:
    """Why the password may not be used, in sentences for the person who chose it; empty when it may.

    It blocks for up to about 50 ms: call it in a thread.

    Args:
        password: as typed.
        personal: words that an attacker would try first, such as name and e-mail address.
        min_length: characters.
    """
    if len(password) < min_length:
        return (f"Use at least {min_length} characters.",)
    if len(password) > MAX_PASSWORD_LENGTH:
        return (f"Use at most {MAX_PASSWORD_LENGTH} characters.",)
    return _guessable(scored_part(password), personal)


def refusals_for(user: User, password: Secret, settings: Settings) -> tuple[str, ...]:
    """The same for a password that somebody who has an account is to get."""
    personal = words_about(email=user.email, name=user.name, service_name=settings.service_name)
    return refusals(password.reveal(), personal=personal, min_length=settings.password_min_length)


def words_about(*, email: str, name: str | None, service_name: str) -> tuple[str, ...]:
    """What an attacker would try first: the address and the name, whole and in parts, and the service's name."""
    name = name or ""
    return email, *re.split(r"[@.+_-]", email), name, *name.split(), service_name


def scored_part(password: str) -> str:
    """The beginning that is scored: what follows can only make a password harder to guess."""
    seen: set[str] = set()
    for position, character in enumerate(password[:_SCORED_LENGTH]):
        if character in _SYMBOLS_FOR_LETTERS:
            seen.add(character)
        if len(seen) > _SCORED_SYMBOLS:
            return password[:position]
    return password[:_SCORED_LENGTH]


def _guessable(password: str, personal: Iterable[str]) -> tuple[str, ...]:
    # Its word lists take 45 ms and 10 MiB: they are loaded when first needed. It has no type stubs.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # noqa: PLC0415 -- see above

    with _ONE_AT_A_TIME:
        result = zxcvbn(password, user_inputs=[word for word in personal if word])
    if result["score"] >= MIN_SCORE:
        return ()
    feedback = result["feedback"]
    warning = feedback["warning"] or "This password is easy to guess."
    return tuple(_sentence(text) for text in (warning, *feedback["suggestions"]))


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
