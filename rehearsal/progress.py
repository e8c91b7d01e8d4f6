"""The engine's events as lines that a person can follow, and as a summary that a check can read."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pulumi.automation import EngineEvent

Show = Callable[[str], None]
_QUIET = {"same", "read", "discard", "refresh"}
_DOING = {
    "create": "creating", "update": "updating", "delete": "deleting", "create-replacement": "creating anew",
    "delete-replaced": "deleting the old", "replace": "replacing", "import": "importing",
}  # fmt: skip
# said by the engine about every plugin that it finds on the PATH
_EXPECTED = ("from $PATH at",)


@dataclass(frozen=True)
class Step:
    """One thing that the engine did: its word for it, the type and the name of the resource, the seconds it took."""

    operation: str
    type: str
    name: str
    seconds: float
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """What an operation of the engine came to. `changes` counts by the engine's words: create, update, same, ..."""

    changes: Mapping[str, int]
    steps: tuple[Step, ...]
    seconds: float

    def changed(self) -> list[str]:
        """The names of all resources that did not stay the same; the stack and the default providers aside."""
        return sorted(
            {step.name for step in self.steps if step.operation not in _QUIET and not step.type.startswith("pulumi:")}
        )

    @property
    def nothing_changed(self) -> bool:
        """Whether the engine says "same" of everything."""
        return not self.changed() and all(word in _QUIET for word, count in self.changes.items() if count)


def name_of(urn: str) -> str:
    """The resource's name in the program."""
    return urn.split("::")[-1]


def label(urn: str) -> str:
    """The resource's type, without its package, and its name."""
    return f"{urn.split('::')[-2].rpartition(':')[2]} {name_of(urn)}"


@dataclass
class Follower:
    """Takes the engine's events one by one. `mask` are texts that must not be shown."""

    show: Show
    mask: Iterable[str] = ()
    steps: list[Step] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _begun: dict[str, float] = field(default_factory=dict)
    _start: float = field(default_factory=time.monotonic)
    _counts: Mapping[str, int] | None = None

    def __call__(self, event: EngineEvent) -> None:
        """Handles one event."""
        if event.resource_pre_event:
            metadata = event.resource_pre_event.metadata
            self._begun[metadata.urn] = time.monotonic()
            operation = str(metadata.op.value)
            if operation in _DOING and operation != "replace" and not event.resource_pre_event.planning:
                self._line(f"{_DOING[operation]} {label(metadata.urn)}")
        elif event.res_outputs_event:
            self._finished(event)
        elif event.res_op_failed_event:
            metadata = event.res_op_failed_event.metadata
            self._line(f"FAILED {label(metadata.urn)}")
        elif event.diagnostic_event:
            self._diagnostic(event)
        elif event.summary_event:
            self._counts = {
                str(getattr(key, "value", key)): n for key, n in event.summary_event.resource_changes.items()
            }

    def _finished(self, event: EngineEvent) -> None:
        assert event.res_outputs_event is not None  # noqa: S101 - told apart by the caller
        metadata = event.res_outputs_event.metadata
        operation = str(metadata.op.value)
        seconds = time.monotonic() - self._begun.get(metadata.urn, time.monotonic())
        self.steps.append(Step(operation, metadata.type, name_of(metadata.urn), seconds, tuple(metadata.diffs or ())))
        if operation in _DOING and seconds >= 1 and not event.res_outputs_event.planning:
            self._line(f"{operation} of {label(metadata.urn)} done in {seconds:.1f} s")

    def _diagnostic(self, event: EngineEvent) -> None:
        diagnostic = event.diagnostic_event
        assert diagnostic is not None  # noqa: S101 - told apart by the caller
        message = diagnostic.message.replace("<{%reset%}>", "").strip()
        if not message or any(text in message for text in _EXPECTED) or diagnostic.severity == "debug":
            return
        if diagnostic.severity == "error":
            self.errors.append(self.masked(message))
        origin = name_of(diagnostic.urn) if diagnostic.urn else "engine"
        for line in message.splitlines():
            self._line(f"  {origin}: {line}")

    def _line(self, text: str) -> None:
        self.show(f"{time.monotonic() - self._start:7.1f} s  {self.masked(text)}")

    def masked(self, text: str) -> str:
        """The text without the secrets that this rehearsal knows."""
        for value in self.mask:
            if value:
                text = text.replace(value, "•••")
        return text

    def summary(self) -> Summary:
        """What it came to."""
        counted = self._counts or Counter(step.operation for step in self.steps)
        return Summary(dict(counted), tuple(self.steps), time.monotonic() - self._start)


def close_left_open(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what a failed program left: the SDK exits in the middle of it, and its event loop is forgotten."""
    if loop.is_running() or loop.is_closed():
        return
    with contextlib.suppress(Exception, SystemExit):
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()
