"""Where a native application keeps its session: the protocol, and what every store must hold to (design §6.6)."""

from typing import Protocol

from jotary.oauth.secret import Secret


class HeldLock(Protocol):
    """A lock that is held."""

    def release(self) -> None:
        """Let the next one have it. The end of the process does the same, however it ends."""


class TokenStore(Protocol):
    """Keeps one opaque text, for one person, one client and one issuer.

    The text holds tokens: it must be readable by this person alone, and be encrypted where it lies. Every method may
    block; the client calls them outside of its event loop.

    All methods raise `StoreError`, with a hint that a person can follow.
    """

    @property
    def max_length(self) -> int | None:
        """Characters that an entry holds; None where there is no such limit. A longer text is shortened first."""

    def load(self) -> Secret | None:
        """The text that was saved last, by any process; None where there is none."""

    def save(self, text: Secret) -> None:
        """Replace the text. Whoever loads meanwhile gets the old one or the new one, whole."""

    def delete(self) -> None:
        """Forget the text; it is no error that there is none."""

    def try_lock(self) -> HeldLock | None:
        """Take the one lock that all processes share which keep their session here; None while another holds it.

        It must go when its process dies. Two callers in one process exclude each other, too.
        """
