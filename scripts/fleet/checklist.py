"""The checks before and after a release, as code: what has to hold, whether it does, and what would be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.fleet.progress import Progress
from scripts.fleet.protocol import FleetError, Status, Traffic

STAGED = (
    ("digests", "every digest exists and is on the host"),
    ("login", "the registry takes the host's login"),
    ("environment", "the services' variables are complete"),
    ("debug", "debug flags are off"),
    ("disk", "there is room on the disk"),
)
"""What a host looks at as it stages, by the name that its answer has for each."""
UNASKED = "not asked"
REQUESTS_ENOUGH = 100
"""Fewer requests say nothing about the share of those that fail."""
MORE_ERRORS = 0.01
SLOWER, SLOWER_SECONDS = 2.0, 1.0
"""Twice as slow as before and a second more is too slow. A second is what requirement DV8 warns of; and a release that
has just begun to warm up, beside the one before it on a small host, is slower for a while."""


@dataclass(frozen=True)
class Check:
    """One line of a checklist. `problem` is empty where it holds."""

    what: str
    problem: str = ""


def before(statuses: Mapping[str, Status | None], request: Mapping[str, Any]) -> list[Check]:
    """What has to hold before anything is begun, by what the hosts say. None: a host does not answer."""
    silent = [host for host, status in statuses.items() if status is None]
    answered = {host: status for host, status in statuses.items() if status is not None}
    busy = [f"{host} ({status.state.release.id})" for host, status in answered.items() if status.state]
    live = {host: status.live for host, status in answered.items() if status.live}
    differing = ", ".join(f"{host} {release}" for host, release in live.items()) if len(set(live.values())) > 1 else ""
    return [
        Check("every host answers", _list("no answer from", silent)),
        Check("nothing else is under way", _list("still under way on", busy)),
        Check("every host serves the same release now", differing and f"they differ: {differing}"),
        _compatible(request.get("backward_compatible", {})),
    ]


def _compatible(said: Mapping[str, bool | None]) -> Check:
    """Whether the release before can serve while the jobs run and after, by what the stack file says of each."""
    breaking = [job for job, compatible in said.items() if compatible is False]
    unsaid = [job for job, compatible in said.items() if compatible is None]
    word = f"; the stack file says nothing of {', '.join(unsaid)}" if unsaid else ", by the stack file's word"
    return Check(
        f"the release before runs on the database after the jobs{word if said else ': there are none'}",
        _list("not backward compatible, and to be split in two releases, by the stack file: jobs", breaking),
    )


def staged(answers: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    """What the hosts have looked at themselves while they staged."""
    checks = []
    for name, what in STAGED:
        said = {host: answer.get("checks", {}).get(name, "the host did not look") for host, answer in answers.items()}
        unasked = [host for host, word in said.items() if word == UNASKED]
        note = f" ({_list('not asked, every image was there already:', unasked)})" if unasked else ""
        bad = [f"{host}: {word}" for host, word in said.items() if word not in ("ok", UNASKED)]
        checks.append(Check(what + note, "; ".join(bad)))
    return checks


def dumped(answer: Mapping[str, Any]) -> Check:
    """What the leader says of the dumps that it took before it migrated."""
    names = [f"{dump['name']} ({dump['mib']} MiB)" for dump in answer.get("dumps", ())]
    return Check(f"dumped before the migration: {', '.join(names) or 'no database to dump'}")


def clean(host: str, answer: Mapping[str, Any]) -> Check:
    """What a host says of its new containers' logs: they are read, shipped and kept by many."""
    said = str(answer.get("checks", {}).get("logs", "ok"))
    return Check(f"no secret is in the logs on {host}", "" if said == "ok" else said)


def telling(traffic: Traffic | None) -> bool:
    """Whether enough visitors came to compare."""
    return traffic is not None and traffic.requests >= REQUESTS_ENOUGH


def worse(earlier: Traffic | None, now: Traffic | None) -> str:
    """Why visitors are worse off than before; empty where they are not, or too few came to say."""
    if earlier is None or now is None or not (telling(earlier) and telling(now)):
        return ""
    if now.error_rate > earlier.error_rate + MORE_ERRORS:
        return f"{now.error_rate:.1%} of the requests fail, {earlier.error_rate:.1%} before"
    if now.p95_seconds > SLOWER * earlier.p95_seconds + SLOWER_SECONDS:
        return f"95 % of the requests take up to {now.p95_seconds:.2f} s, {earlier.p95_seconds:.2f} s before"
    return ""


def confirm(checks: Sequence[Check], progress: Progress) -> None:
    """Show a checklist; FleetError with all that does not hold."""
    for check in checks:
        progress.say(f"check: {check.what}: {check.problem or 'ok'}")
    problems = [f"{check.what}: {check.problem}" for check in checks if check.problem]
    if problems:
        raise FleetError("; ".join(problems))


def _list(words: str, names: list[str]) -> str:
    return f"{words} {', '.join(names)}" if names else ""
