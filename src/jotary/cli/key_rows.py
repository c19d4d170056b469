"""Signing keys as the command line shows them."""

from collections.abc import Sequence
from typing import Any

from jotary.cli.output import moment, print_json, print_rows
from jotary.server.keyring import Sealer, SealError, is_genuine
from jotary.server.keyring.external import read_reference
from jotary.server.keyring.schedule import choose_signing_key, is_gone, may_sign
from jotary.server.keyring.stamp import is_current
from jotary.server.model.signing_key import SigningKey


def print_keys(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print what `described` gave."""
    if as_json:
        print_json(rows)
        return
    shown = [
        {
            **row,
            "signs from": moment(row["signing_from"]),
            "retires": moment(row["retiring_from"]),
            "gone": moment(row["gone_from"]),
            "held by": row["held_by"] or "",
            "sealed under": row["sealed_under"] or "",
        }
        for row in rows
    ]
    columns = ["kid", "alg", "phase", "signs from", "retires", "gone", "held by", "sealed under"]
    print_rows(shown, columns, nothing="There is no key yet; the server makes the first one when it starts.")


def described(keys: Sequence[SigningKey], sealer: Sealer, now: int) -> list[dict[str, Any]]:
    """The members of keys in JSON; times in Unix seconds. Others build on these names."""
    genuine = [each for each in keys if is_genuine(each, sealer)]
    signing = choose_signing_key(genuine, now)
    return [
        {
            "kid": each.id,
            "alg": each.algorithm,
            "phase": _phase(each, signing, now, is_refused=each not in genuine),
            "announced_at": each.announced_at,
            "signing_from": each.signing_from,
            "retiring_from": each.retiring_from,
            "gone_from": each.gone_from,
            **_custody(each, sealer),
        }
        for each in sorted(keys, key=_order)
    ]


def _custody(each: SigningKey, sealer: Sealer) -> dict[str, str | None]:
    """Who holds the private part, and whether the present secret seals it, or what is left of it; None: it is gone."""
    if not each.sealed_private_key:
        return {"held_by": None, "sealed_under": None}
    try:
        reference = read_reference(sealer.unseal(each.sealed_private_key, kid=each.id))
        is_sealed_now = sealer.is_current(each.sealed_private_key, kid=each.id) and is_current(each, sealer)
    except SealError:
        return {"held_by": "unknown", "sealed_under": "an unknown secret"}
    held_by = "server" if reference is None else f"{reference.custodian} {reference.name}"
    return {"held_by": held_by, "sealed_under": "secret" if is_sealed_now else "an accepted secret"}


def _order(each: SigningKey) -> tuple[int, bool, str]:
    """In the order in which they sign; of two that began together, the one whose end is decided."""
    return each.signing_from, each.retiring_from is None, each.id


def _phase(each: SigningKey, signing: SigningKey | None, now: int, *, is_refused: bool) -> str:
    """Its place in the life of a key (design §6.2), unless a server would not believe it."""
    if each is signing:
        return "signing"
    if is_gone(each, now):
        return "gone"
    if is_refused:
        return "refused"
    return "announced" if may_sign(each, now) else "retiring"
