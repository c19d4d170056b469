"""Refusals as problem+json (RFC 9457)."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from jotary.integrations.fastapi import RefusedRequest


def problem(status: int, detail: str | None = None, **members: object) -> JSONResponse:
    """One refusal; `members` are further members of the problem."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}
    present = {name: value for name, value in body.items() if value is not None}
    return JSONResponse(present, status, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Answer every refusal of the app itself in this form."""

    @app.exception_handler(HTTPException)
    async def refuse(_request: Request, error: HTTPException) -> JSONResponse:
        answer = problem(error.status_code, error.detail)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RefusedRequest)
    async def refuse_caller(_request: Request, error: RefusedRequest) -> JSONResponse:
        refusal = error.refusal
        answer = problem(refusal.status, refusal.body["error_description"], error=refusal.body.get("error"))
        answer.headers.update(refusal.headers)
        return answer

    @app.exception_handler(RequestValidationError)
    async def refuse_input(_request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"pointer": "/".join(map(str, found["loc"])), "detail": found["msg"]} for found in error.errors()[:20]
        ]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some of the input is not valid.", errors=errors)
