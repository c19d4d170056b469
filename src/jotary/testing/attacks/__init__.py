"""The catalogue of attacks: one line each, in families, one file per family."""

from collections.abc import Collection

from jotary.testing.attacks import claims, form, keys, presentation, signatures
from jotary.testing.attacks.attack import Attack, Level

__all__ = ["ATTACKS", "Attack", "Level", "select"]

#: All attacks, in the order in which they are fired.
ATTACKS: tuple[Attack, ...] = (
    *signatures.ATTACKS,
    *keys.ATTACKS,
    *claims.ATTACKS,
    *form.ATTACKS,
    *presentation.ATTACKS,
)


def select(level: Level = "strict", without: Collection[str] = ()) -> tuple[Attack, ...]:
    """Return the attacks of a level.

    Args:
        level: `essential` for what every API must refuse, `strict` for all that RFC 9068 and its kin ask for.
        without: names of attacks or of checks that are left out.

    Raises:
        ValueError: there is no such level, attack or check, so that a misspelt name switches nothing off unseen.
    """
    if level not in {"essential", "strict"}:
        raise ValueError(f"level must be 'essential' or 'strict', not {level!r}")
    unknown = set(without) - {attack.name for attack in ATTACKS} - {attack.check for attack in ATTACKS}
    if unknown:
        raise ValueError(f"without: there is no attack and no check called {', '.join(map(repr, sorted(unknown)))}")
    chosen = (attack for attack in ATTACKS if level == "strict" or attack.level == "essential")
    return tuple(attack for attack in chosen if attack.name not in without and attack.check not in without)
