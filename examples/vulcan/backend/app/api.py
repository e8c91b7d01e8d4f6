"""The API. Everything is JSON; nothing needs a login, since a sample product has nobody to log in."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.exceptions import HTTPException

from . import metrics
from .cache import Cache
from .database import PLACES, TEXT_LENGTH, Notes, connect
from .health import Health, healthy
from .release import describe
from .settings import Settings

log = logging.getLogger(__name__)
NO_STORE = {"Cache-Control": "no-store"}
LARGEST_BODY = 64 * 1024
LONGEST_SLEEP = 25

# PostgreSQL keeps no NUL.
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LENGTH, pattern=r"^[^\x00]*$")
]


class NewNote(BaseModel):
    model_config = ConfigDict(strict=True)

    number: Annotated[int, Field(ge=1, le=PLACES)]
    text: Words


def make(settings: Settings) -> FastAPI:
    engine = connect(settings)
    notes, cache = Notes(engine), Cache(settings.redis_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    # No documentation pages: they load programs from elsewhere. No redirects: behind a proxy they lead to http://.
    api = FastAPI(openapi_url=None, redirect_slashes=False, max_body_size=LARGEST_BODY, lifespan=lifespan)
    api.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
    )
    api.add_middleware(metrics.Measured)
    _answer_errors(api)
    _serve_state(api, Health({"database": notes.check, "redis": cache.check}))
    _serve_notes(api, notes, cache)
    return api


def _serve_state(api: FastAPI, health: Health) -> None:
    @api.get("/api/v1/utils/health-check/")
    def look() -> JSONResponse:
        answers = health.look()
        well = healthy(answers)
        body = {"healthy": well, **describe(), "checks": answers}
        return JSONResponse(body, status_code=200 if well else 503, headers=NO_STORE)

    @api.get("/api/v1/release/")
    async def release() -> JSONResponse:
        return JSONResponse(describe(), headers=NO_STORE)

    @api.get("/api/v1/slow")
    async def slow(seconds: Annotated[float, Query(ge=0, le=LONGEST_SLEEP)] = 1) -> dict[str, Any]:
        """Answers after `seconds`: shows that a release waits for the requests that it has begun."""
        await asyncio.sleep(seconds)
        return {"slept": seconds, **describe()}

    @api.get("/metrics")
    def measured() -> Response:
        return Response(metrics.page(), media_type=CONTENT_TYPE_LATEST)


def _serve_notes(api: FastAPI, notes: Notes, cache: Cache) -> None:
    @api.get("/api/v1/notes/")
    def read() -> JSONResponse:
        return JSONResponse(cache.read(notes.read), headers=NO_STORE)

    @api.post("/api/v1/notes/")
    def write(note: NewNote) -> dict[str, int]:
        writes = notes.write(note.number, note.text)
        cache.forget()
        return {"number": note.number, "writes": writes}


def error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)


def _answer_errors(api: FastAPI) -> None:
    """Errors as JSON, without details that belong in the log."""

    @api.exception_handler(RequestValidationError)
    async def unreadable(_: Request, wrong: RequestValidationError) -> JSONResponse:
        first = wrong.errors()[0]
        where = ".".join(part for part in first["loc"][1:] if isinstance(part, str))
        return error(400, f"{where or 'the body'}: {first['msg']}")

    @api.exception_handler(DBAPIError)
    @api.exception_handler(PoolExhausted)
    async def no_database(_: Request, silent: Exception) -> JSONResponse:
        log.warning("PostgreSQL does not answer: %s", type(silent).__name__)
        return error(503, "the database does not answer; try again")

    @api.exception_handler(HTTPException)
    async def refused(_: Request, refusal: HTTPException) -> JSONResponse:
        return error(refusal.status_code, "no such address" if refusal.status_code == 404 else str(refusal.detail))

    @api.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> JSONResponse:
        return error(500, "something went wrong here; the log says what")
