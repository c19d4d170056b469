"""What only the Flask integration has: decorators on views of every kind, and the caller of the current request."""

from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView

from jotary.integrations.flask import JotarySecurity, principal
from jotary.testing import TestIssuer

ISSUER = TestIssuer()


@pytest.fixture
def security() -> JotarySecurity:
    """For the API of the issuer's tokens."""
    return JotarySecurity(ISSUER.verifier())


@pytest.fixture
def app() -> Flask:
    """An application whose exceptions fail the test."""
    app = Flask(__name__)
    app.testing = True
    return app


def bearer(*scopes: str) -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token('ada', scopes=scopes)}"}


def test_a_view_keeps_its_name_and_its_arguments(security: JotarySecurity, app: Flask) -> None:
    """Flask derives the endpoint from the name."""

    @app.get("/tasks/<int:number>")
    @security.require("a")
    def task(number: int) -> str:
        return f"{number} of {principal().subject}"

    assert app.test_client().get("/tasks/7", headers=bearer("a")).text == "7 of ada"
    assert list(app.url_map.iter_rules("task"))


def test_a_method_view_can_be_protected(security: JotarySecurity, app: Flask) -> None:
    """All of its methods."""

    class Tasks(MethodView):
        decorators = [security.require("a")]  # noqa: RUF012 -- Flask's way

        def get(self) -> str:
            return principal().subject

        def delete(self) -> str:
            return "deleted"

    app.add_url_rule("/tasks", view_func=Tasks.as_view("tasks"))
    client = app.test_client()
    assert client.get("/tasks", headers=bearer("a")).text == "ada"
    assert [client.delete("/tasks", headers=headers).status_code for headers in ({}, bearer("b"), bearer("a"))] == [
        401,
        403,
        200,
    ]


def test_a_class_is_not_a_view_function(security: JotarySecurity) -> None:
    """It would lose what makes it a view."""
    with pytest.raises(TypeError, match="decorators"):
        security.require("a")(MethodView)


def test_an_unprotected_view_has_no_caller(app: Flask) -> None:
    """Forgetting the decorator, or putting it above the route's, must not look like an anonymous caller."""

    @app.get("/")
    def open_to_all() -> str:
        return principal().subject

    with pytest.raises(RuntimeError, match="below the route's decorator"):
        app.test_client().get("/", headers=bearer("a"))


def test_a_caller_does_not_stay_for_the_next_request(security: JotarySecurity, app: Flask) -> None:
    """Not even where the application's context, and with it `flask.g`, spans several requests."""

    @app.get("/protected")
    @security.require()
    def protected() -> str:
        return principal().subject

    @app.get("/open")
    def open_to_all() -> str:
        return principal().subject

    with app.app_context():
        client = app.test_client()
        assert client.get("/protected", headers=bearer()).text == "ada"
        with pytest.raises(RuntimeError, match="nobody checked"):
            client.get("/open", headers=bearer())


def test_no_header_names_a_caller(app: Flask) -> None:
    """WSGI's environ holds headers and what the application adds, under names that cannot meet (PEP 3333)."""

    @app.get("/")
    def open_to_all() -> str:
        return principal().subject

    for name in ("jotary.principal", "jotary-principal"):
        with pytest.raises(RuntimeError, match="nobody checked"):
            app.test_client().get("/", headers={name: "ada"})


def test_an_error_handler_does_not_change_refusals(security: JotarySecurity, app: Flask) -> None:
    """Many applications have one for every status."""

    @app.get("/")
    @security.require("a")
    def index() -> str:
        return ""

    @app.errorhandler(401)
    def other(_: Any) -> str:
        return "other"

    response = app.test_client().get("/")
    assert (response.status_code, list(response.get_json())) == (401, ["error_description"])


def test_a_scope_that_cannot_be_is_refused_at_start(security: JotarySecurity) -> None:
    """RFC 6749 §3.3: rather than closing the view for ever."""
    with pytest.raises(ValueError, match="scope value"):
        security.require("todo:read todo:write")


def test_a_resource_that_is_no_url_has_no_metadata(app: Flask) -> None:
    """RFC 9728 §1.2."""
    JotarySecurity(ISSUER.verifier(audience="todo-api")).install(app)
    assert app.test_client().get("/.well-known/oauth-protected-resource").status_code == 404
