"""The app. Answers are JSON, but for the page."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from redis import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from .database import NAME_LENGTH, PLACES, SignUps, connect
from .health import Health, healthy
from .logs import Logged
from .release import condition, describe
from .sessions import KEPT, Sessions
from .settings import Settings

log = logging.getLogger(__name__)
PAGE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
# What others have written is put into the page as text by its script; nothing comes from elsewhere.
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
}
NO_STORE = {"Cache-Control": "no-store"}
LARGEST_BODY = 64 * 1024
LONGEST_SLEEP = 28

# PostgreSQL keeps no NUL.
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH, pattern=r"^[^\x00]*$")
]


class NewSignUp(BaseModel):
    model_config = ConfigDict(strict=True)

    place: Annotated[int, Field(ge=1, le=PLACES)]
    name: Words


def make(settings: Settings) -> ASGIApp:
    engine = connect(settings)
    sign_ups, sessions = SignUps(engine), Sessions(settings.redis_url, settings.secret_key)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    async def ours(request: Request) -> None:
        """Only by the product's names. The platform asks for health by an address, so not there."""
        if request.headers.get("host", "").partition(":")[0].lower() not in settings.allowed_hosts:
            raise HTTPException(400, "this host has another name")

    # No documentation pages: they load programs from elsewhere. No redirects: behind a proxy they lead to http://.
    app = FastAPI(openapi_url=None, redirect_slashes=False, max_body_size=LARGEST_BODY, lifespan=lifespan)
    _answer_errors(app)
    _serve_health(app, Health({"database": sign_ups.check, "sessions": sessions.check}), settings.environment)
    public = APIRouter(dependencies=[Depends(ours)])
    _serve_state(public, sign_ups)
    _serve_sign_ups(public, sign_ups, sessions, secure=settings.environment != "development")
    app.include_router(public)
    return Logged(app)


def _serve_health(api: FastAPI, health: Health, environment: str) -> None:
    @api.get("/health")
    def look() -> JSONResponse:
        answers = health.look()
        well = healthy(answers)
        body = {"status": "healthy" if well else "unhealthy", **describe(), "environment": environment, **condition()}
        return JSONResponse({**body, "checks": answers}, status_code=200 if well else 503, headers=NO_STORE)


def _serve_state(api: APIRouter, sign_ups: SignUps) -> None:
    @api.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE, headers=PAGE_HEADERS)

    @api.get("/release")
    async def release() -> JSONResponse:
        return JSONResponse(describe(), headers=NO_STORE)

    @api.get("/migrations")
    def migrations() -> JSONResponse:
        return JSONResponse(sign_ups.migrations(), headers=NO_STORE)

    @api.get("/slow")
    async def slow(seconds: Annotated[float, Query(ge=0, le=LONGEST_SLEEP)] = 1) -> dict[str, Any]:
        """Answers after `seconds`: shows that a deployment waits for the requests that it has begun."""
        await asyncio.sleep(seconds)
        return {"slept": seconds, **describe()}


def _serve_sign_ups(api: APIRouter, sign_ups: SignUps, sessions: Sessions, secure: bool) -> None:
    @api.get("/sign-ups")
    def read() -> JSONResponse:
        return JSONResponse(sign_ups.read(), headers=NO_STORE)

    @api.post("/sign-ups")
    def sign_up(new: NewSignUp) -> JSONResponse:
        """The session first: who is told that it failed has not signed up."""
        token = sessions.begin(new.name)
        answer = JSONResponse({"place": new.place, "writes": sign_ups.write(new.place, new.name)}, headers=NO_STORE)
        answer.set_cookie("session", token, max_age=KEPT, secure=secure, httponly=True, samesite="lax")
        return answer

    @api.get("/session")
    def session(session: Annotated[str, Cookie()] = "") -> JSONResponse:
        name = sessions.name(session) if session else None
        if name is None:
            raise HTTPException(401, "you have not signed up, or long ago")
        return JSONResponse({"name": name}, headers=NO_STORE)


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

    @api.exception_handler(RedisError)
    async def no_sessions(_: Request, silent: Exception) -> JSONResponse:
        log.warning("Valkey does not answer: %s", type(silent).__name__)
        return error(503, "the sessions do not answer; try again")

    @api.exception_handler(HTTPException)
    async def refused(_: Request, refusal: HTTPException) -> JSONResponse:
        return error(refusal.status_code, "no such address" if refusal.status_code == 404 else str(refusal.detail))

    @api.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> JSONResponse:
        return error(500, "something went wrong here; the log says what")
