"""What can go wrong on a person's machine; `hint` says what to do about it, and no text holds a token."""

from jotary.client.errors import ClientError


class NativeError(ClientError):
    """Something that the person at the keyboard can mend.

    Args:
        problem: what is wrong.
        hint: what to do.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


class NotSignedInError(NativeError):
    """Nobody is signed in, or the session is over."""


class LoginError(NativeError):
    """The sign-in in the browser did not come to an end."""


class StoreError(NativeError):
    """The tokens can be neither kept nor read."""
