"""Meters of single pieces of work: what goes well is measured, what fails is counted, and neither is changed by it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from jotary.jose import KeySet
from jotary.oauth.secret import Secret
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings
from jotary.server.telemetry.around import HasherWith, SignerWith
from jotary.server.telemetry.metrics.instruments import Instruments
from jotary.server.telemetry.metrics.work_meters import HashMeter, LimitMeter, SignatureMeter
from jotary.server.telemetry.telemetry import Telemetry


class Custodian:
    """A signer whose HSM may be away."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure

    async def sign(self, _claims: Mapping[str, Any], *, typ: str, algorithm: str | None = None) -> str:
        """Sign, or not."""
        if self._failure is not None:
            raise self._failure
        return f"{typ} {algorithm}"

    def public_keys(self) -> KeySet:
        """No key."""
        return KeySet(())


class Hasher:
    """A hasher that fails in one way."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def hash(self, _password: str) -> str:
        """Fail."""
        raise self._failure

    async def verify(self, _password: str, _phc: str | None) -> bool:
        """Fail."""
        raise self._failure

    def needs_rehash(self, _phc: str) -> bool:
        """Never."""
        return False


def figure(instruments: Instruments, name: str, **labels: str) -> float | None:
    """One figure."""
    return instruments.registry.get_sample_value(name, labels)


def test_a_signature_that_the_hsm_does_not_give_is_counted_and_raised() -> None:
    """An alert looks at the failures; the one who asked is told as before."""
    instruments = Instruments()
    meter = SignatureMeter(instruments)
    away = SignerWith(Custodian(Unavailable("HSM")), meter)
    with pytest.raises(Unavailable, match="HSM"):
        asyncio.run(away.sign({}, typ="at+jwt"))
    assert asyncio.run(SignerWith(Custodian(), meter).sign({}, typ="at+jwt", algorithm="ES256")) == "at+jwt ES256"
    assert figure(instruments, "jotary_external_signature_failures_total") == 1
    assert figure(instruments, "jotary_external_signature_duration_seconds_count") == 2


@pytest.mark.parametrize(("signing_keys", "count"), [("external", 1), ("sealed", 0)])
def test_only_signatures_from_outside_are_measured(signing_keys: Literal["sealed", "external"], count: int) -> None:
    """One of the server's own takes less time than measuring it, and cannot fail by itself."""
    settings = Settings(
        secret=Secret("0123456789abcdef" * 2), metrics_listen="127.0.0.1:9464", signing_keys=signing_keys
    )
    telemetry = Telemetry(settings, lambda: 0, {})
    asyncio.run(telemetry.signer(Custodian()).sign({}, typ="at+jwt"))
    assert telemetry._metrics is not None
    assert figure(telemetry._metrics.instruments, "jotary_external_signature_duration_seconds_count") == count


@pytest.mark.parametrize(("failure", "count"), [(Unavailable("passwords"), 1), (RuntimeError("a bug"), 0)])
def test_a_password_that_is_turned_away_is_counted_as_such(failure: Exception, count: int) -> None:
    """Of too many at once, and of nothing else."""
    instruments = Instruments()
    hasher = HasherWith(Hasher(failure), HashMeter(instruments))
    with pytest.raises(type(failure)):
        asyncio.run(hasher.hash("password"))
    with pytest.raises(type(failure)):
        asyncio.run(hasher.verify("password", None))
    assert figure(instruments, "jotary_password_hashes_refused_total") == 2 * count


def test_a_password_is_measured_when_it_fails_too() -> None:
    """Else what takes longest, and breaks, would be missing."""
    instruments = Instruments()

    def fail() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        HashMeter(instruments).watch(fail)()
    assert figure(instruments, "jotary_password_hash_duration_seconds_count") == 1


@pytest.mark.parametrize(
    ("kind", "limit", "sign_ins"),
    [("sign_in.limited", "sign_in", 1), ("sign_up.limited", "sign_up", 0), ("client.authentication_limited", "", 0)],
)
def test_a_limit_is_counted_under_its_name_and_as_a_sign_in_only_if_it_is_one(
    kind: str, limit: str, sign_ins: int
) -> None:
    """The kinds of events end in `.limited` or `_limited`."""
    instruments, told = Instruments(), list[None]()
    LimitMeter(instruments, lambda: told.append(None))(kind)
    limit = limit or "client.authentication"
    assert figure(instruments, "jotary_limits_tripped_total", limit=limit) == 1
    assert len(told) == sign_ins
