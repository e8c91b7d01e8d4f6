"""What is said between the coordinator and the hosts: verbs, what a host answers, what can go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from scripts.host.request import fingerprint

Said = Callable[[Mapping[str, Any]], None]
"""Takes each line that a host says while a verb runs."""


class FleetError(Exception):
    """Why the fleet did not do what it was asked, in one line; and the last lines of the host that it failed on."""

    def __init__(self, reason: str, host: str | None = None, lines: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.host = host
        self.lines = lines

    def describe(self) -> str:
        """The one line, with the host where there is one."""
        return f"{self.host}: {self.reason}" if self.host else self.reason


class VerbError(FleetError):
    """A host says that it could not do it."""


class LostError(FleetError):
    """A host does not answer. What it was asked last, it may have done or not."""


class LockedError(FleetError):
    """A host belongs to somebody else: nothing more may be asked of it, nor undone on it."""


class StoppedError(FleetError):
    """Somebody wants the release to end."""


class Fleet(Protocol):
    """The hosts, as the coordinator sees them."""

    async def call(self, host: str, verb: str, message: Mapping[str, Any], said: Said) -> Mapping[str, Any]:
        """Have a host do a verb. VerbError, LockedError or LostError if it can't be done."""


@dataclass(frozen=True)
class Release:
    """A release as a host knows it: its id, what it is made of, and when its way to serve began."""

    id: str
    commit: str = ""
    revision: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    started: str = ""

    @property
    def request(self) -> Mapping[str, Any] | None:
        """What asks for this release once more. None if the host does not know enough of it."""
        if not (self.images and self.services):
            return None
        tables = {"images": dict(self.images), "services": dict(self.services), "versions": dict(self.versions)}
        return {**tables, "revision": self.revision}


@dataclass(frozen=True)
class UnderWay:
    """A release that a host has begun and not ended. `done` is the last verb that came to its end."""

    release: Release
    previous: str | None
    committed: bool = False
    fleet: bool = True
    step: str = ""
    done: str = ""


@dataclass(frozen=True)
class Holder:
    """Who has a host's lock. `expires` is by the host's clock; it moves as long as the owner lives."""

    owner: str
    alive: bool = True
    expires: float | None = None


@dataclass(frozen=True)
class Traffic:
    """What visitors met in the last while: how many requests, the share of them that failed, the 95th percentile."""

    requests: int
    error_rate: float
    p95_seconds: float


@dataclass(frozen=True)
class Status:
    """A host by its own word. `served` are the releases that ended well on it, the oldest first; `read_only` since."""

    live: str | None
    state: UnderWay | None = None
    served: tuple[Release, ...] = ()
    holder: Holder | None = None
    traffic: Traffic | None = None
    read_only: str | None = None

    def known(self, release: str | None) -> Release | None:
        """What this host knows of a release: the newest that it has written down."""
        if self.state is not None and self.state.release.id == release:
            return self.state.release
        return next((one for one in reversed(self.served) if one.id == release), None)

    def serves(self, request: Mapping[str, Any]) -> bool:
        """Whether this is what is asked for, and nothing is under way."""
        live = self.known(self.live)
        if live is None or self.state is not None:
            return False
        return (live.commit, live.revision) == (commit_of(request), str(request.get("revision")))


def commit_of(request: Mapping[str, Any]) -> str:
    """What stands for the images of a request."""
    return fingerprint(request["images"])


def status_of(data: Mapping[str, Any]) -> Status:
    """A host's answer to `status`. ValueError, KeyError, TypeError if it is none."""
    state, holder, traffic = data["state"], data["lock"], data.get("traffic")
    return Status(
        live=data["live"],
        state=_under_way(state) if state else None,
        served=tuple(_release(entry) for entry in data["released"]),
        holder=_holder(holder) if holder else None,
        traffic=Traffic(int(traffic["requests"]), float(traffic["error_rate"]), float(traffic["p95_seconds"]))
        if traffic
        else None,
        read_only=data.get("read_only"),
    )


def is_answer(line: Mapping[str, Any]) -> bool:
    """Whether a line is a verb's answer; the others say how it goes: a step begins, one took seconds, just words."""
    return bool({"ok", "error"} & line.keys())


def failure_of(host: str, verb: str, answer: Mapping[str, Any], complaints: Sequence[str]) -> FleetError:
    """Why a verb failed: by its answer, else by what it wrote to standard error."""
    reason = str(answer.get("error") or (complaints[0] if complaints else "it failed and did not say why"))
    lines = tuple(str(line) for line in answer.get("lines", complaints[1:]))
    if answer.get("locked"):
        return LockedError(reason, host)
    return VerbError(f"{verb}: {reason}", host, lines)


def _release(data: Mapping[str, Any] | str) -> Release:
    if isinstance(data, str):
        return Release(data)
    return Release(
        id=str(data["release"]),
        commit=str(data.get("commit", "")),
        revision=str(data.get("revision", "")),
        images=dict(data.get("images") or {}),
        services=dict(data.get("services") or {}),
        versions=dict(data.get("versions") or {}),
        started=str(data.get("started", "")),
    )


def _under_way(data: Mapping[str, Any]) -> UnderWay:
    return UnderWay(
        release=_release(data),
        previous=data["old_release"],
        committed=bool(data.get("committed", False)),
        fleet=bool(data.get("fleet", False)),
        step=str(data.get("step", "")),
        done=str(data.get("done", "")),
    )


def _holder(data: Mapping[str, Any] | str) -> Holder:
    if isinstance(data, str):
        return Holder(data)
    expires = data.get("expires")
    return Holder(str(data["owner"]), bool(data.get("alive", True)), None if expires is None else float(expires))
