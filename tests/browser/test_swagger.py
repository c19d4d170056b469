"""Swagger UI's "Authorize" signs in with PKCE, calls the ToDo API with the token that it got, and needs no network."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request, expect

from jotary.cli.demonstration.cast import EMAIL
from jotary.cli.demonstration.production import Production


@pytest.mark.parametrize("production", [60], indirect=True)
def test_authorize_signs_in_with_pkce(chromium: Browser, production: Production) -> None:
    """RFC 7636 by somebody else's client: a third party, so the person is asked for consent.

    Nothing is intercepted: Playwright would answer the preflight of the request for a token in the server's place.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(20_000)
    hosts: set[str | None] = set()

    def note_host(request: Request) -> None:
        if not request.url.startswith("data:"):
            hosts.add(urlsplit(request.url).hostname)

    context.on("request", note_host)
    page = context.new_page()
    page.goto(f"{production.todo_api}/docs")
    page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".dialog-ux")
    expect(dialog.get_by_text("Read your tasks")).to_be_visible()
    assert dialog.locator("#client_id_authorizationCode, [id^=client_id]").input_value() == "todo-docs"
    for scope in ("todo:read", "todo:write"):
        dialog.locator(f"label:has(p:text-is('{scope}'))").click()
    with context.expect_page() as opened:
        dialog.locator("button.authorize").click()
    window = opened.value
    assert "code_challenge_method=S256" in window.url or "return_to" in window.url
    window.locator("[name=username]").fill(EMAIL)
    window.locator("[name=password]").fill(production.cast.password.reveal())
    window.keyboard.press("Enter")
    expect(window.get_by_text("Read your tasks")).to_be_visible()
    with window.expect_event("close"):
        window.get_by_role("button", name="Allow").click()
    expect(dialog.locator("button", has_text="Logout")).to_be_visible()
    dialog.locator("button.btn-done").click()
    operation = page.locator("#operations-default-list_tasks_tasks_get")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table tr.response .response-col_status").first).to_contain_text("200")
    assert hosts == {"127.0.0.1"}  # the issuer and the API; whoever sees the docs tells nobody else
    context.close()
