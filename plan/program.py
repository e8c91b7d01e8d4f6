"""Runs a Pulumi program in this process against the monitor, and says what it declared."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import RunError
from pulumi.runtime import Settings, configure, run_in_stack
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import reset_options

from plan import placeholders
from plan.monitor import ORGANIZATION, Engine, Monitor
from plan.values import Decoded
from policies.graph import Graph

PROJECT = "slipway"


class ProgramError(Exception):
    """The program can't be planned. Its text is one line for each reason."""


@dataclass(frozen=True)
class Run:
    """What a program declared: its resources, its outputs, its messages, and what it asked the cloud in vain."""

    graph: Graph
    outputs: Decoded
    messages: tuple[str, ...]
    lookups: tuple[str, ...]


class _Inline(ThreadPoolExecutor):
    """An executor without threads. The monitor answers at once: a thread would cost time, and mix up the order."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:  # whoever awaits it gets it
            future.set_exception(error)
        return future


def run(
    program: Callable[[], None], stack: str, blocks: Mapping[str, Any], secrets: frozenset[str], project: str = PROJECT
) -> Run:
    """Run `program` as the stack `stack`, dry. `blocks` are its configuration; each of `secrets` gets a placeholder.

    Raises ProgramError where the program fails or declares what an engine would refuse. Leaves no trace in this
    process: two runs don't see each other.
    """
    return contextvars.copy_context().run(_run, program, stack, blocks, secrets, project)


def _run(
    program: Callable[[], None], stack: str, blocks: Mapping[str, Any], secrets: frozenset[str], project: str
) -> Run:
    monitor, engine = Monitor(project, stack), Engine()
    config = {
        f"{project}:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in blocks.items()
    }
    config |= {f"{project}:{name}": placeholders.of_secret(name) for name in secrets}
    reset_options()
    configure(Settings(project, stack, monitor=monitor, engine=engine, dry_run=True, organization=ORGANIZATION))
    set_all_config(config, [f"{project}:{name}" for name in secrets])
    with _without_garbage_collection():
        failure = _drive(program)
    reasons = list(dict.fromkeys(monitor.problems))
    if failure is not None:
        reasons += _lines(failure)
    if reasons:
        raise ProgramError("\n".join(reasons)) from None
    outputs = monitor.outputs.get(monitor.stack_urn, Decoded({}))
    return Run(
        Graph(monitor.resources), outputs, tuple(dict.fromkeys(engine.messages)), tuple(dict.fromkeys(monitor.lookups))
    )


def _drive(program: Callable[[], None]) -> BaseException | None:
    """Run the program to its end. Returns why it failed, if it did."""
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_Inline(max_workers=1))
    loop.set_exception_handler(lambda _, __: None)  # what fails is told once, by the caller
    try:
        loop.run_until_complete(run_in_stack(program))
    except Exception as error:  # a program may raise anything
        return error
    finally:
        _cancel_all(loop)
        loop.close()
    return None


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """What a program makes lives to its end: looking for garbage meanwhile costs time, the more the larger it is."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _lines(error: BaseException) -> list[str]:
    """Why a program failed: a mistake that it tells in its own words as it is, anything else with its place."""
    if isinstance(error, RunError):
        return [line for line in str(error).splitlines() if line.strip()]
    place = _place(error)
    text = " ".join(str(error).split()) or "no message"
    return [f"{place}{type(error).__name__}: {text}"]


def _place(error: BaseException) -> str:
    """The innermost line of the program, neither of a library nor of this package, that the error came through."""
    here = Path(__file__).resolve().parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if here.parent in path.parents and here not in path.parents and "site-packages" not in path.parts:
            return f"{path.relative_to(here.parent)}:{frame.lineno}: "
    return ""
