"""The API. Everything is JSON but the uploads; nothing needs a login, since a sample product has nobody to log in."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request, Response, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException

from . import streams, uploads
from .database import PLACES, TEXT_LENGTH, Documents, Memory
from .health import Health, healthy
from .metrics import Measured
from .release import describe
from .settings import Settings

log = logging.getLogger(__name__)
NO_STORE = {"Cache-Control": "no-store"}
LARGEST_BODY = 64 * 1024
LONGEST_SLEEP = 25

UploadName = Annotated[str, Query(pattern=f"^{uploads.NAME.pattern}$")]


class Note(BaseModel):
    model_config = ConfigDict(strict=True)

    number: Annotated[int, Field(ge=1, le=PLACES)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LENGTH)]


def make(settings: Settings, ending: Callable[[], bool]) -> FastAPI:
    """The application. `ending` tells whether the process is to stop: streams end then, everything else is answered."""
    documents = Documents(settings.mongo_url, settings.database)
    memory = Memory(settings.memori_url) if settings.memori_url else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        documents.close()
        if memory is not None:
            memory.close()

    # No documentation pages: they load programs from elsewhere. No redirects: behind a proxy they lead to http://.
    api = FastAPI(openapi_url=None, redirect_slashes=False, max_body_size=LARGEST_BODY, lifespan=lifespan)
    api.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
    )
    api.add_middleware(Measured)
    _answer_errors(api)
    _serve_state(api, Health({"mongodb": documents.check} | ({"postgres": memory.check} if memory else {})))
    _serve_notes(api, documents)
    _serve_uploads(api, uploads.storage(settings))
    _serve_streams(api, ending)
    return api


def _serve_state(api: FastAPI, health: Health) -> None:
    @api.get("/api/")
    def look() -> JSONResponse:
        answers = health.look()
        well = healthy(answers)
        body = {"healthy": well, **describe(), "checks": answers}
        return JSONResponse(body, status_code=200 if well else 503, headers=NO_STORE)

    @api.get("/api/release/")
    async def release() -> JSONResponse:
        return JSONResponse(describe(), headers=NO_STORE)

    @api.get("/api/slow")
    async def slow(seconds: Annotated[float, Query(ge=0, le=LONGEST_SLEEP)] = 1) -> dict[str, Any]:
        """Answers after `seconds`: shows that a release waits for the requests that it has begun."""
        await asyncio.sleep(seconds)
        return {"slept": seconds, **describe()}

    @api.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _serve_notes(api: FastAPI, documents: Documents) -> None:
    @api.get("/api/notes/")
    def notes() -> JSONResponse:
        return JSONResponse(documents.read(), headers=NO_STORE)

    @api.post("/api/notes/")
    def write(note: Note) -> dict[str, int]:
        return {"number": note.number, "writes": documents.write(note.number, note.text)}


def _serve_uploads(api: FastAPI, storage: uploads.Storage) -> None:
    @api.get("/api/uploads/")
    def uploaded() -> JSONResponse:
        files = [{"name": name, "size": size} for name, size in sorted(storage.names().items())]
        return JSONResponse({"where": storage.where, "uploads": files}, headers=NO_STORE)

    @api.post("/api/uploads/", max_body_size=uploads.LARGEST)
    async def upload(request: Request, name: UploadName) -> JSONResponse:
        content = await request.body()
        names = await run_in_threadpool(storage.names)
        if name not in names and len(names) >= uploads.MOST:
            return error(507, f"there are {uploads.MOST} uploads already")
        await run_in_threadpool(storage.write, name, content)
        return JSONResponse({"name": name, "size": len(content), "where": storage.where}, status_code=201)

    @api.get("/api/uploads/{name}")
    def download(name: str) -> Response:
        content = storage.read(name) if uploads.NAME.fullmatch(name) else None
        if content is None:
            return error(404, "no such upload")
        # A file of somebody's: to be kept, not to be run as a page of ours.
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return Response(content, media_type="application/octet-stream", headers=headers)


def _serve_streams(api: FastAPI, ending: Callable[[], bool]) -> None:
    @api.get("/api/events", response_class=EventSourceResponse)
    async def events(last_event_id: Annotated[str, Header()] = "") -> AsyncIterator[ServerSentEvent]:
        async for event in streams.events(last_event_id, ending):
            yield event

    @api.websocket("/api/socket")
    async def socket(socket: WebSocket) -> None:
        await streams.echo(socket)


def error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)


def _answer_errors(api: FastAPI) -> None:
    """Errors as JSON, without details that belong in the log."""

    @api.exception_handler(RequestValidationError)
    async def unreadable(_: Request, wrong: RequestValidationError) -> JSONResponse:
        first = wrong.errors()[0]
        where = ".".join(part for part in first["loc"][1:] if isinstance(part, str))
        return error(400, f"{where or 'the body'}: {first['msg']}")

    @api.exception_handler(PyMongoError)
    async def no_database(_: Request, silent: PyMongoError) -> JSONResponse:
        log.warning("MongoDB does not answer: %s", type(silent).__name__)
        return error(503, "the database does not answer; try again")

    @api.exception_handler(uploads.Silent)
    async def no_storage(_: Request, silent: uploads.Silent) -> JSONResponse:
        log.warning("the uploads do not answer: %s", silent)
        return error(503, "the uploads do not answer; try again")

    @api.exception_handler(HTTPException)
    async def refused(_: Request, refusal: HTTPException) -> JSONResponse:
        return error(refusal.status_code, "no such address" if refusal.status_code == 404 else str(refusal.detail))

    @api.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> JSONResponse:
        return error(500, "something went wrong here; the log says what")
