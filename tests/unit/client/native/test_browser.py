"""The browser of a sign-in, which nobody waits for: it may start slowly, stay in the foreground, or not open at all."""

import asyncio
import threading
import webbrowser
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from jotary.client.native import LoginError, NativeApp
from jotary.client.native.aside import aside

if TYPE_CHECKING:
    from tests.unit.client.native.conftest import MakeApp, MemoryStore

    Show = Callable[[str], None]


@pytest.fixture
def app(make_app: "MakeApp", store: "MemoryStore") -> NativeApp:
    """An application in which nobody is signed in."""
    return make_app(store)


class Foreground:
    """A browser that is waited for until somebody closes it, as `BROWSER=lynx` is by Python's webbrowser."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.closing = threading.Event()
        self.ended = threading.Event()

    def __call__(self, _url: str) -> None:
        """Open, and stay."""
        self.opened.set()
        self.closing.wait(20)
        self.ended.set()


@pytest.fixture
def browser() -> Iterator[Foreground]:
    """One that is closed when the test has ended, and not before."""
    browser = Foreground()
    yield browser
    browser.closing.set()


def test_who_is_back_before_the_browser_is_closed_is_signed_in(
    app: NativeApp, person: "Show", browser: Foreground
) -> None:
    """A person who is signed in at the issuer is back at once; Python waits for some browsers to their end."""

    def show(url: str) -> None:
        person(url)
        browser(url)

    async def scene() -> None:
        assert (await app.login(show=show, timeout=15)).subject == "person-1"
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}  # nothing waits on in a loop that goes on

    asyncio.run(scene())
    assert not browser.ended.is_set()


def test_a_browser_that_does_not_come_back_takes_no_longer_than_the_person_may(
    app: NativeApp, browser: Foreground
) -> None:
    """The bound counts from when the address was shown."""
    with pytest.raises(LoginError, match="nobody signed in"):
        asyncio.run(app.login(show=browser, timeout=0.1))
    assert browser.opened.is_set()
    assert not browser.ended.is_set()


def test_an_interrupt_does_not_wait_for_the_browser(app: NativeApp, browser: Foreground) -> None:
    """The first one ends the program."""

    async def scene() -> None:
        login = asyncio.ensure_future(app.login(show=browser))
        await asyncio.to_thread(browser.opened.wait)
        login.cancel()
        with pytest.raises(asyncio.CancelledError):
            await login

    asyncio.run(scene())
    assert not browser.ended.is_set()


def test_what_keeps_the_address_from_being_shown_ends_the_login(app: NativeApp) -> None:
    """Nobody will come back."""

    def show(_url: str) -> None:
        raise webbrowser.Error("could not locate runnable browser")

    async def scene() -> None:
        with pytest.raises(webbrowser.Error, match="could not locate"):
            await app.login(show=show)
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_what_was_left_aside_ends_when_it_ends() -> None:
    """Also after the event loop that began it."""
    go_on, done = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(20)
        done.set()

    async def scene() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await aside(work)

    asyncio.run(scene())
    go_on.set()
    assert done.wait(20)
