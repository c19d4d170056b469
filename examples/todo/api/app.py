"""The ToDo API: tasks of the person whom the access token names, and of nobody else."""

import os
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import FastAPI, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from jotary import Principal, TokenVerifier
from jotary.integrations.fastapi import JotarySecurity
from todo.api import documentation, problems
from todo.api.tasks import Task, Tasks

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
T = TypeVar("T")
TaskId = Annotated[int, Field(ge=1, lt=2**63)]


class NewTask(BaseModel):
    """What it takes to add a task."""

    model_config = ConfigDict(extra="forbid")
    title: Title


class TaskChange(BaseModel):
    """What may change in a task; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    title: Title | None = None
    done: bool | None = None


class Page(BaseModel):
    """Some tasks, newest first. `next_cursor` asks for older ones; `open` counts all that is not done."""

    items: list[Task]
    next_cursor: int | None
    open: int


def create_app(verifier: TokenVerifier, tasks: Tasks, *, client_id: str | None = None) -> FastAPI:
    """Build the API; `client_id` is the public client behind Swagger's Authorize button."""
    security = JotarySecurity(verifier, scopes={"todo:read": "Read your tasks", "todo:write": "Change your tasks"})
    Reader = Annotated[Principal, security.require("todo:read")]  # noqa: N806 -- a type
    Writer = Annotated[Principal, security.require("todo:write")]  # noqa: N806 -- a type
    oauth = security.swagger_ui_init_oauth(client_id)
    app = FastAPI(title="ToDo", version="1", docs_url=None, redoc_url=None, swagger_ui_init_oauth=oauth)
    security.install(app)
    problems.install(app)  # after it, so that every refusal has the same form
    documentation.install(app)

    @app.get("/tasks")
    def list_tasks(
        principal: Reader,
        cursor: TaskId | None = None,
        done: bool | None = None,  # noqa: FBT001 -- a query parameter has no position
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> Page:
        found = tasks.page(principal.subject, before=cursor, done=done, limit=limit + 1)
        items = found[:limit]
        more = items[-1].id if len(found) > limit else None
        return Page(items=items, next_cursor=more, open=tasks.count_open(principal.subject))

    @app.post("/tasks", status_code=201)
    def add_task(principal: Writer, task: NewTask, response: Response) -> Task:
        added = tasks.add(principal.subject, task.title)
        response.headers["Location"] = f"/tasks/{added.id}"
        return added

    @app.get("/tasks/{task_id}")
    def get_task(principal: Reader, task_id: TaskId) -> Task:
        return _found(tasks.get(principal.subject, task_id))

    @app.patch("/tasks/{task_id}")
    def change_task(principal: Writer, task_id: TaskId, change: TaskChange) -> Task:
        return _found(tasks.change(principal.subject, task_id, title=change.title, done=change.done))

    @app.delete("/tasks/{task_id}", status_code=204)
    def remove_task(principal: Writer, task_id: TaskId) -> None:
        _found(tasks.remove(principal.subject, task_id) or None)

    return app


def _found(task: T | None) -> T:
    """The task, or 404: another person's task looks just like one that never was."""
    if task is None:
        raise HTTPException(404, "There is no such task.")
    return task


def from_environment() -> FastAPI:
    """The API as `uvicorn --factory todo.api.app:from_environment` starts it."""
    verifier = TokenVerifier(
        issuer=os.environ["TODO_ISSUER"],
        audience=os.environ["TODO_AUDIENCE"],
        leeway=int(os.environ.get("TODO_LEEWAY", "5")),
    )
    tasks = Tasks(Path(os.environ.get("TODO_DATABASE", "todo.db")))
    return create_app(verifier, tasks, client_id=os.environ.get("TODO_SWAGGER_CLIENT_ID"))
