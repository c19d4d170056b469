"""A browser of a few lines: it keeps cookies, follows redirects and submits forms, and runs no script."""

from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

import httpx2

#: Redirects that are followed before it is a loop.
MAX_REDIRECTS: Final = 10


class Browser:
    """Keeps cookies by host. Like a browser it sends `Secure` cookies to loopback over plain http.

    Args:
        stop_at: how URLs begin that belong to applications on this machine, which the browser hands over to.
    """

    def __init__(self, *, stop_at: str | tuple[str, ...] = ()) -> None:
        self._client = httpx2.Client(timeout=15, follow_redirects=False, trust_env=False)
        self._stop_at = stop_at
        self.cookies: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        """It knows nobody yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def open(self, url: str) -> httpx2.Response | str:
        """Go to a URL and follow redirects; returns the page, or the URL at which an application takes over."""
        return self._follow("GET", url, {})

    def submit(self, page: httpx2.Response, **values: str) -> httpx2.Response | str:
        """Fill the page's first form and send it."""
        form = _Form()
        form.feed(page.text)
        return self._follow("POST", urljoin(str(page.url), form.action or str(page.url)), form.fields | values)

    def fetch(self, method: str, url: str, **headers: str) -> httpx2.Response:
        """Do what a script of the page would do: one request to its own origin, no redirects followed."""
        own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "X-CSRF": "1"}
        return self._request(method, url, own | headers, {})

    def _follow(self, method: str, url: str, form: dict[str, str]) -> httpx2.Response | str:
        for _ in range(MAX_REDIRECTS):
            if url.startswith(self._stop_at):
                return url
            headers = {"Sec-Fetch-Site": "same-origin" if method == "POST" else "none", "Sec-Fetch-Mode": "navigate"}
            if method == "POST":
                headers["Origin"] = _origin(url)
            response = self._request(method, url, headers, form)
            if not response.has_redirect_location:
                return response
            method, form, url = "GET", {}, urljoin(url, response.headers["Location"])
        raise RuntimeError(f"more than {MAX_REDIRECTS} redirects")

    def _request(self, method: str, url: str, headers: dict[str, str], form: dict[str, str]) -> httpx2.Response:
        jar = self.cookies.setdefault(urlsplit(url).hostname or "", {})
        if jar:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        response = self._client.request(method, url, headers=headers, data=form or None)
        for line in response.headers.get_list("Set-Cookie"):
            self._keep(jar, line)
        return response

    def _keep(self, jar: dict[str, str], line: str) -> None:
        for name, cookie in SimpleCookie(line).items():
            if cookie["max-age"] == "0" or not cookie.value:
                jar.pop(name, None)
            else:
                jar[name] = cookie.value


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class _Form(HTMLParser):
    """The address and the prepared fields of a page's first form."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._forms = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read one element."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._forms += 1
            if self._forms == 1:
                self.action = values.get("action", "")
        elif tag == "input" and self._forms == 1 and "name" in values:
            self.fields[values["name"]] = values.get("value", "")
