"""Swagger UI from files of this machine: the page that FastAPI has built in loads them from elsewhere."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

PAGE = "/docs"
REDIRECT = f"{PAGE}/oauth2-redirect"
_FILES = f"{PAGE}/files"


def install(app: FastAPI) -> None:
    """Serve the page at `/docs`, to which `/` leads; the app has no such pages of its own (`docs_url`, `redoc_url`)."""
    app.mount(_FILES, StaticFiles(packages=[("fastapi_swagger", "resources")]), name="swagger-ui")
    page = get_swagger_ui_html(
        openapi_url=str(app.openapi_url),
        title=app.title,
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon-32x32.png",
        oauth2_redirect_url=REDIRECT,
        init_oauth=app.swagger_ui_init_oauth,
    )

    @app.get("/", include_in_schema=False)
    def lead_here() -> RedirectResponse:
        return RedirectResponse(PAGE)

    @app.get(PAGE, include_in_schema=False)
    def show_documentation() -> HTMLResponse:
        return page

    @app.get(REDIRECT, include_in_schema=False)
    def hand_code_to_page() -> HTMLResponse:
        return get_swagger_ui_oauth2_redirect_html()
