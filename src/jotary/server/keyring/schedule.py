"""When signing keys are announced, sign, retire and are gone: pure functions of (keys, now, rules) (design §6.2).

Everybody must know a key before it signs, and as long as a token that it signed can be accepted:

    announced ── announcement ──▶ signing ── rotation_interval ──▶ retiring ── retirement ──▶ gone
              └ every process publishes it,      └ its successor signs,       └ the last token has expired
                every cached key set has it        everybody knew it before

A successor's first moment and its predecessor's last one are written together: no process sees one without the other.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from jotary.server.model.signing_key import SigningKey

#: Seconds within which every process must read the keys anew (`Keyring.refresh`).
RELOAD_INTERVAL: Final = 30

#: Seconds that a key signs before its successor takes over.
ROTATION_INTERVAL: Final = 90 * 86_400


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the schedule goes by; durations in seconds.

    `are_external`: keys come from an operator, who adds each; the schedule retires them and never makes one.
    """

    algorithm: str
    announcement: int
    retirement: int
    rotation_interval: int = ROTATION_INTERVAL
    are_external: bool = False

    @classmethod
    def of(
        cls, *, algorithm: str, jwks_max_age: int, token_lifetime: int, leeway: int, are_external: bool = False
    ) -> "Rules":
        """The rules that follow from how long others keep the key set and how long the longest token lives."""
        return cls(
            algorithm=algorithm,
            announcement=jwks_max_age + RELOAD_INTERVAL,
            retirement=token_lifetime + leeway + RELOAD_INTERVAL,
            are_external=are_external,
        )


class Announce(msgspec.Struct, frozen=True):
    """Make a key and publish it now; it signs from `signing_from`, which may be now."""

    signing_from: int


class Retire(msgspec.Struct, frozen=True):
    """Let a key sign until `retiring_from` and be published until `gone_from`."""

    key: SigningKey
    retiring_from: int
    gone_from: int


class Destroy(msgspec.Struct, frozen=True):
    """Forget a key's private part: nobody signs with it any more."""

    key: SigningKey


Step = Announce | Retire | Destroy


def plan(keys: Sequence[SigningKey], now: int, rules: Rules) -> list[Step]:
    """What is due at `now` (Unix seconds). Once it is done, the answer is empty until something else is due."""
    standing = _standing(keys)
    steps: list[Step] = [Destroy(key) for key in keys if _may_be_destroyed(key, now)]
    if not standing:
        return steps if rules.are_external else [*steps, Announce(_first_moment(keys, now, rules))]
    last = standing[-1]
    due = now if last.algorithm != rules.algorithm else last.signing_from + rules.rotation_interval
    # Servers that are set to different algorithms would otherwise answer each other with a key at every look.
    if now + rules.announcement >= due and not rules.are_external and not is_awaited(last, now, rules):
        return [*steps, *_succeed(keys, max(due, now + rules.announcement), rules)]
    return [*steps, *_retire(standing[:-1], max(last.signing_from, now), rules)]


def plan_rotation(keys: Sequence[SigningKey], now: int, rules: Rules) -> list[Step]:
    """Rotate as soon as nobody is surprised by it. A successor that is announced already is that rotation."""
    standing = _standing(keys)
    if not standing:
        return [Announce(_first_moment(keys, now, rules))]
    if is_awaited(standing[-1], now, rules):
        return []
    return _succeed(keys, now + rules.announcement, rules)


def plan_emergency(keys: Sequence[SigningKey], now: int, *, doubted: Sequence[SigningKey] = ()) -> list[Step]:
    """Somebody has a private key: all keys are gone at once, and a new one signs at once.

    Of the doubted ones it is not believed either that they were gone.
    """
    steps: list[Step] = []
    for key in (*(key for key in keys if not is_gone(key, now)), *doubted):
        steps += (Retire(key, now, now), Destroy(key))
    return [*steps, Announce(now)]


def is_overdue(keys: Sequence[SigningKey], now: int, rules: Rules) -> bool:
    """Whether an operator should have added a key by now: there is none, or the last has signed for long enough."""
    standing = _standing(keys)
    if not rules.are_external:
        return False
    return not standing or now >= standing[-1].signing_from + rules.rotation_interval


def is_awaited(key: SigningKey, now: int, rules: Rules) -> bool:
    """Whether the key is announced, and about to sign.

    Not so if it would be later than any announcement takes: the clock of who announced it was ahead, and nobody waits
    for the day that it showed.
    """
    return now < key.signing_from <= now + rules.announcement


def is_gone(key: SigningKey, now: int) -> bool:
    """Whether the key is no longer published.

    One that is gone as it retires was withdrawn, and that holds at once: who did it may have had a clock ahead of ours.
    """
    return key.gone_from is not None and (now >= key.gone_from or key.gone_from == key.retiring_from)


def may_sign(key: SigningKey, now: int) -> bool:
    """Whether the key is not retired; the one that should sign is `choose_signing_key`.

    One whose private part was destroyed, by a clock that ran ahead of ours, never signs again.
    """
    return bool(key.sealed_private_key) and (key.retiring_from is None or now < key.retiring_from)


def choose_signing_key(keys: Sequence[SigningKey], now: int, algorithm: str | None = None) -> SigningKey | None:
    """The key to sign with: the last to have begun.

    If none has begun, because the clock of the process that made the first one runs ahead of ours, or ours did and was
    set right, it is the first that will: everybody can read it already.
    """
    fitting = [key for key in keys if may_sign(key, now) and (algorithm is None or algorithm == key.algorithm)]
    begun = [key for key in fitting if key.signing_from <= now]
    if begun:
        return max(begun, key=_order)
    return min(fitting, key=_order, default=None)


def _first_moment(keys: Sequence[SigningKey], now: int, rules: Rules) -> int:
    """When a key signs that succeeds none: at once, unless one whose end is decided can sign while it becomes known."""
    last = max((key.retiring_from or now for key in keys if may_sign(key, now)), default=now)
    return min(last, now + rules.announcement)


def _succeed(keys: Sequence[SigningKey], signing_from: int, rules: Rules) -> list[Step]:
    """A successor to all; an end that a clock ahead of ours has set for later comes nearer."""
    ending = (key for key in keys if key.retiring_from is None or key.retiring_from > signing_from)
    return [Announce(signing_from), *_retire(sorted(ending, key=_order), signing_from, rules)]


def _retire(keys: Sequence[SigningKey], retiring_from: int, rules: Rules) -> list[Step]:
    return [Retire(key, retiring_from, retiring_from + rules.retirement) for key in keys]


def _standing(keys: Sequence[SigningKey]) -> list[SigningKey]:
    """Keys whose end is not decided, in the order in which they sign."""
    return sorted((key for key in keys if key.retiring_from is None), key=_order)


def _order(key: SigningKey) -> tuple[int, str]:
    return key.signing_from, key.id


def _may_be_destroyed(key: SigningKey, now: int) -> bool:
    """Every process has read by now that the key is retired."""
    return key.retiring_from is not None and now >= key.retiring_from + RELOAD_INTERVAL and bool(key.sealed_private_key)
