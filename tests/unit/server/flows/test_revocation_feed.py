"""The feed over a real database: what it says, when it answers, and what it forgets (design §6.3)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from jotary.jose import Key, KeySet, jwt
from jotary.oauth.errors import OAuthError
from jotary.server.flows import revocation_feed
from jotary.server.flows.revocation_feed import RevocationFeed, read_position, read_wait
from jotary.server.model.changes import AddRevocation
from jotary.server.model.revocation import Revocation, RevocationKind
from jotary.server.ports import Unavailable
from jotary.server.store import Store, open_store
from jotary.tokens.revocation_feed import MAX_ENTRIES, TYP, FeedAnswer, check_feed

START = 1_800_000_000
ISSUER = "https://id.example.com"


class Pen:
    """The `Signer` port with one key."""

    def __init__(self) -> None:
        self.key = Key.generate("ES256")

    async def sign(self, claims: Mapping[str, Any], *, typ: str, **_: object) -> str:
        """Sign."""
        return jwt.sign(claims, self.key, typ=typ)

    def public_keys(self) -> KeySet:
        """The one key."""
        return KeySet([self.key.public()])


class Feed:
    """A feed with a clock that moves only when told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = START
        self.pen = Pen()
        self.renewals = 0
        self.feed = RevocationFeed(store, self.pen, lambda: self.now, issuer=ISSUER, renew_keys=self.renew)

    async def renew(self) -> None:
        """What the keyring does when a key was withdrawn: another one signs."""
        self.renewals += 1
        self.pen.key = Key.generate("ES256")

    async def cut_off(self, value: str, *, lifetime: int = 300, kind: RevocationKind = "sid") -> None:
        """Publish a cut-off."""
        entry = Revocation(
            kind=kind, value=value, issued_before=self.now, created_at=self.now, expires_at=self.now + lifetime
        )
        await self.store.commit(AddRevocation(entry))

    async def ask(self, after: int = 0, *, wait: float = 0) -> FeedAnswer:
        """Ask, and check the answer as a verifier does."""
        signed = await self.feed.answer(after=after, wait=wait)
        verified = jwt.verify(signed.token, self.pen.public_keys(), algorithms={"ES256"}, typ=TYP, max_size=1 << 19)
        answer = check_feed(verified.claims, issuer=ISSUER, after=after, now=self.now, leeway=0)
        assert answer.position == signed.position
        return answer


def play(tmp_path: Path, story: Callable[[Feed], Awaitable[None]]) -> None:
    """Run a story on a fresh database."""

    async def run() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/feed.db")
        try:
            await story(Feed(store))
        finally:
            await store.close()

    asyncio.run(run())


def values(answer: FeedAnswer) -> list[str]:
    """Whom an answer cuts off."""
    return [entry.value for entry in answer.entries]


def test_it_says_what_came_behind_a_position(tmp_path: Path) -> None:
    """Nothing twice, nothing left out."""

    async def story(feed: Feed) -> None:
        assert await feed.ask() == FeedAnswer(after=0, position=0, entries=())
        await feed.cut_off("a")
        first = await feed.ask()
        await feed.cut_off("b")
        second = await feed.ask(first.position)
        assert (values(first), values(second), values(await feed.ask())) == (["a"], ["b"], ["a", "b"])

    play(tmp_path, story)


def test_an_entry_vanishes_with_the_last_token_that_it_touches(tmp_path: Path) -> None:
    """The feed stays small at any size."""

    async def story(feed: Feed) -> None:
        await feed.cut_off("a", lifetime=10)
        await feed.cut_off("b", lifetime=20)
        position = (await feed.ask()).position
        feed.now += 10
        assert values(await feed.ask()) == ["b"]
        feed.now += 10
        assert await feed.ask() == FeedAnswer(after=0, position=position, entries=())

    play(tmp_path, story)


def test_it_waits_for_news_and_no_longer(tmp_path: Path) -> None:
    """A long poll ends with the entry, whoever on the database wrote it."""

    async def story(feed: Feed) -> None:
        waiting = [asyncio.create_task(feed.ask(wait=25)) for _ in range(10)]
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in waiting)
        await feed.cut_off("a")
        async with asyncio.timeout(10):
            assert [values(await task) for task in waiting] == [["a"]] * 10

    play(tmp_path, story)


def test_without_news_it_answers_all_the_same(tmp_path: Path) -> None:
    """So that whoever follows knows that nothing was missed."""

    async def story(feed: Feed) -> None:
        await feed.cut_off("a")
        position = (await feed.ask()).position
        assert await feed.ask(position, wait=0.3) == FeedAnswer(after=position, position=position, entries=())

    play(tmp_path, story)


def test_who_is_ahead_is_told_everything(tmp_path: Path) -> None:
    """After a restored backup: a position that this database never gave means nothing."""

    async def story(feed: Feed) -> None:
        await feed.cut_off("a")
        answer = await feed.ask(999, wait=25)
        assert (answer.after, values(answer)) == (0, ["a"])

    play(tmp_path, story)


def test_a_long_list_comes_in_parts(tmp_path: Path) -> None:
    """Each answer is bounded, and the next one goes on where it ended."""

    async def story(feed: Feed) -> None:
        names = [f"s{number}" for number in range(MAX_ENTRIES + 10)]
        await asyncio.gather(*(feed.cut_off(name) for name in names))
        first = await feed.ask()
        second = await feed.ask(first.position, wait=25)
        assert (len(first.entries), len(second.entries)) == (MAX_ENTRIES, 10)
        assert set(values(first)) | set(values(second)) == set(names)

    play(tmp_path, story)


def test_waiting_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes when too many wait is answered at once."""
    monkeypatch.setattr(revocation_feed, "MAX_WAITING", 1)

    async def story(feed: Feed) -> None:
        waiting = asyncio.create_task(feed.ask(wait=25))
        await asyncio.sleep(0.2)
        async with asyncio.timeout(5):
            assert (await feed.ask(wait=25)).entries == ()
        with pytest.raises(Unavailable):  # a stream that could not wait would answer without end
            await anext(feed.feed.stream(after=0))
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    play(tmp_path, story)


def test_a_stream_begins_with_what_another_process_has_written(tmp_path: Path) -> None:
    """Its first answer says what stands, also where nobody has asked this process before."""

    async def story(feed: Feed) -> None:
        await feed.cut_off("a")
        stream = feed.feed.stream(after=0)
        assert (await anext(stream)).position == 1
        await stream.aclose()  # type: ignore[attr-defined]  # a generator

    play(tmp_path, story)


def test_the_database_is_looked_at_ten_times_a_second_however_many_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look for all of them: a follower more is no load on the database."""

    async def story(feed: Feed) -> None:
        looks, look = [], feed.store.revocations

        async def counted(*, after: int, now: int) -> Any:
            looks.append(after)
            return await look(after=after, now=now)

        monkeypatch.setattr(feed.store, "revocations", counted)
        await asyncio.gather(*(feed.ask(wait=0.35) for _ in range(5)))
        assert 5 < len(looks) <= 5 + 4  # each one's own at first

    play(tmp_path, story)


def test_a_stream_goes_on_with_news_and_gives_its_place_back(tmp_path: Path) -> None:
    """Server-sent events: one answer at once, the next with the next cut-off; who leaves makes room."""

    async def story(feed: Feed) -> None:
        stream = feed.feed.stream(after=0)
        assert (await anext(stream)).position == 0
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await feed.cut_off("a")
        async with asyncio.timeout(10):
            assert (await waiting).position == 1
        assert feed.feed._waiting == 1
        await stream.aclose()  # type: ignore[attr-defined]  # a generator, to those who look
        assert feed.feed._waiting == 0

    play(tmp_path, story)


def test_a_database_that_is_down_is_no_good_news(tmp_path: Path) -> None:
    """Those who wait hear of it (503), and do not take silence for peace."""

    async def story(feed: Feed) -> None:
        waiting = asyncio.create_task(feed.ask(wait=25))
        await asyncio.sleep(0.2)
        await feed.store.close()
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable):
                await waiting

    play(tmp_path, story)


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "9" * 40, "\u0661", " 1", ""])
def test_a_malformed_position_or_wait_is_an_invalid_request(text: str) -> None:
    """Design §9."""
    for read in (read_position, read_wait):
        with pytest.raises(OAuthError, match="invalid_request"):
            read(text)


def test_the_wait_is_bounded() -> None:
    """Nobody holds a connection for longer than that."""
    assert (read_wait(None), read_wait("25"), read_position(None), read_position("7")) == (0, 25, 0, 7)
    for text in ("26", "0025", "0" * 5000, "9" * 5000):
        with pytest.raises(OAuthError):
            read_wait(text)


def test_a_withdrawn_key_does_not_sign_the_news_of_it(tmp_path: Path) -> None:
    """Whoever has it could sign the same: the answer comes from the key that took over."""

    async def story(feed: Feed) -> None:
        first = await feed.ask()
        known = feed.pen.key
        assert known.kid is not None
        waiting = asyncio.create_task(feed.ask(first.position, wait=20))
        await asyncio.sleep(0)
        await feed.cut_off(known.kid, kind="kid")

        answer = await waiting  # checked against the new key

        assert [(entry.kind, entry.value) for entry in answer.entries] == [("kid", known.kid)]
        assert feed.renewals == 1
        assert await feed.ask(answer.position) == FeedAnswer(
            after=answer.position, position=answer.position, entries=()
        )
        assert feed.renewals == 1

    play(tmp_path, story)


def test_a_withdrawn_key_is_found_among_other_news(tmp_path: Path) -> None:
    """Whoever has it could hide it behind a session that they end themselves."""

    async def story(feed: Feed) -> None:
        await feed.cut_off("a")
        await feed.cut_off("stolen", kind="kid")
        await feed.cut_off("b")
        assert values(await feed.ask()) == ["a", "stolen", "b"]
        assert feed.renewals == 1

    play(tmp_path, story)


def test_the_news_of_a_withdrawn_key_waits_until_another_one_signs(tmp_path: Path) -> None:
    """A key that cannot be read anew must not sign it: 503, and the follower asks again."""

    async def story(feed: Feed) -> None:
        async def fail() -> None:
            raise Unavailable("no key")

        broken = RevocationFeed(feed.store, feed.pen, lambda: feed.now, issuer=ISSUER, renew_keys=fail)
        await feed.cut_off("stolen", kind="kid")
        for _ in range(2):
            with pytest.raises(Unavailable, match="no key"):
                await broken.answer(after=0)

    play(tmp_path, story)
