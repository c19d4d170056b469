"""A short run of the grammar; `make fuzz` is the long one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from types import ModuleType
from typing import Any

import pytest

from jotary.verifier import InvalidToken

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc, for RFC 9864

Fuzz = Callable[[str], ModuleType]
HOLES = [
    "any issuer",
    "any audience",
    "no expiry",
    "no nbf",
    "any typ",
    "any scope",
    "any crit",
    "any name twice",
    "lenient base64url",
]


def test_no_hostile_token_is_accepted_or_crashes_or_is_slow(fuzz: Fuzz, campaign: Any) -> None:
    """RFC 8725 §3: whatever is done to a token; each refusal names a rule that the token breaks."""
    tally = campaign.run(fuzz("dice").Seeded("a short run"), 4000)
    assert tally.findings == []
    assert tally.hostile == 4000
    assert tally.slowest.seconds <= fuzz("tally").LIMIT
    assert all(tally.targets[f"document: {kind}"] for kind in fuzz("documents").READERS)
    assert tally.targets["explain"] > 500


def test_every_change_makes_hostile_tokens(fuzz: Fuzz, campaign: Any) -> None:
    """A change that always leaves a token good, or is never made, would attack nothing."""
    tally = campaign.run(fuzz("dice").Seeded("every change"), 3000)
    made = {mutation.partition(", ")[0] for mutation in tally.refused}
    grammar = {"header": "headers.HEADERS", "claims": "claims.CLAIMS", "form": "forms.FORMS"}
    grammar["signature"] = "signatures.SIGNATURES"
    for level, place in grammar.items():
        module, name = place.split(".")
        changes = getattr(fuzz(f"grammar.{module}"), name)
        assert {f"{level}: {change}" for change in changes} <= made
    signers = {mutation.partition(", ")[2] for mutation in tally.refused}
    assert set(fuzz("grammar.signers").SIGNERS) <= signers


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.usefixtures("fresh_headers")
def test_a_check_that_is_taken_out_is_missed(
    fuzz: Fuzz, campaign: Any, monkeypatch: pytest.MonkeyPatch, hole: str
) -> None:
    """The run that finds nothing would find this."""
    monkeypatch.setattr(*fuzz("defects").DEFECTS[hole])
    dice = fuzz("dice").Seeded(hole)
    assert any(campaign.run(dice, 500).findings for _ in range(20))


def test_the_holes_are_all_tried(fuzz: Fuzz) -> None:
    """A hole without a test is no control."""
    assert set(fuzz("defects").DEFECTS) == set(HOLES)


def test_the_same_seed_falls_the_same(fuzz: Fuzz, campaign: Any) -> None:
    """A run can be made again; but for the signatures, as those of ECDSA have a nonce of their own."""
    forge, seeded = fuzz("grammar.forge").forge, fuzz("dice").Seeded
    first, second = ([forge(dice, campaign.own).mutation for _ in range(200)] for dice in (seeded(7), seeded(7)))
    assert first == second


def test_bytes_drive_the_same_grammar(fuzz: Fuzz, campaign: Any) -> None:
    """Also none at all: a fuzzer shortens its inputs."""
    for data in (b"", b"\xff" * 64, bytes(range(256))):
        assert fuzz("grammar.forge").forge(fuzz("dice").Given(data), campaign.own).mutation


def test_every_form_takes_every_text(fuzz: Fuzz, campaign: Any) -> None:
    """A text may have been changed before: it need be no token, and not even Unicode that UTF-8 can say."""
    texts = ("", ".", "a.\ud800.b", "\U0001f511é.\0", "." * 3000, campaign.own.good["EdDSA"][0].text.decode())
    for form in fuzz("grammar.forms").FORMS.values():
        for text in texts:
            for seed in range(40):
                campaign.own.judge(form(fuzz("dice").Seeded(seed), campaign.own, text))


def test_a_part_that_fails_ends_the_run(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is told at once: whoever waits for a million tokens does not wait in vain."""
    campaign, fired = fuzz("campaign"), []

    def chunk(document: str, seed: str, count: int) -> Any:
        fired.append(seed)
        if len(fired) > 1:
            sleep(0.1)
        raise RuntimeError(document, count)

    monkeypatch.setattr(campaign, "_chunk", chunk)
    monkeypatch.setattr(campaign, "ProcessPoolExecutor", lambda processes, **_: ThreadPoolExecutor(processes))
    with pytest.raises(RuntimeError):
        campaign.run("keys", 1, 200 * campaign.CHUNK, processes=2, progress=lambda _: None)
    assert len(fired) < 100


def test_a_finding_is_written_with_its_keys_and_read_again(
    fuzz: Fuzz, campaign: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it can be seen again after the run, when its keys are gone from memory; and later seen mended."""
    scene = campaign.own
    token = scene.good["EdDSA"][0].text.decode() + "="
    finding = fuzz("tally").Finding("accepted", scene.shape.name, "form: padding", token)
    path = fuzz("findings").write_finding(tmp_path, finding, campaign.keys)
    read, keys = fuzz("findings").read_finding(path)
    assert read == finding
    again = fuzz("campaign").Campaign(keys)
    assert again.again(fuzz("dice").Seeded(0), read) == []
    monkeypatch.setattr(again.own.verifier, "verify", lambda _: None)
    assert any("accepted" in what for what in again.again(fuzz("dice").Seeded(0), read))


@pytest.mark.usefixtures("fresh_headers")
def test_a_finding_that_the_issuer_signed_is_mended_when_it_is_refused_for_its_rule(
    fuzz: Fuzz, keys: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next process has the keys, but has not seen the issuer sign; a wrong signature would be the wrong reason."""
    campaign = fuzz("campaign").Campaign(keys)
    with monkeypatch.context() as hole:
        hole.setattr(*fuzz("defects").DEFECTS["any audience"])
        found = campaign.run(fuzz("dice").Seeded("replay"), 500).findings[0]
        assert found.is_signed
        path = fuzz("findings").write_finding(tmp_path, found, keys)
        read, again = fuzz("findings").read_finding(path)
        assert found.what in fuzz("campaign").Campaign(again).again(fuzz("dice").Seeded(0), read)
    assert fuzz("campaign").Campaign(again).again(fuzz("dice").Seeded(0), read) == []


def test_another_exception_than_the_documented_is_a_finding(
    fuzz: Fuzz, keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §9: no token makes anything but a refusal."""
    campaign = fuzz("campaign").Campaign(keys)

    def crash(token: str) -> None:
        raise IndexError(len(token))

    for scene in (campaign.own, *campaign._others):
        monkeypatch.setattr(scene.verifier, "verify", crash)
    tally = campaign.run(fuzz("dice").Seeded(0), 5)
    assert {finding.what.split(":")[1] for finding in tally.findings} == {" IndexError"}


def test_a_slow_token_is_a_finding(fuzz: Fuzz, keys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow is what is slow each time: a machine that does other work does not count."""
    campaign = fuzz("campaign").Campaign(keys)
    limit = fuzz("tally").LIMIT
    monkeypatch.setattr(campaign._watch, "passed", lambda: limit * 3)
    monkeypatch.setattr(campaign._watch, "shortest", lambda _: limit * 2)
    tally = campaign.run(fuzz("dice").Seeded(0), 5)
    assert any(finding.what.startswith("slow: 100.0 ms") for finding in tally.findings)


def test_good_tokens_are_taken_by_every_verifier(campaign: Any) -> None:
    """What begins as refused would prove nothing by being refused."""
    for scene in (campaign.own, *campaign._others):
        for good in (good for goods in scene.good.values() for good in goods):
            scene.verifier.verify(good.text.decode())
            with pytest.raises(InvalidToken):
                scene.verifier.verify(good.text.decode()[:-1])
