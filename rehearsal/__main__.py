"""`python -m rehearsal up|down|shell|status|destroy|move --stack <name>`: a stack of this project on this machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from rehearsal import login
from rehearsal.model import CloudError
from rehearsal.run import Rehearsal, RehearsalError
from scripts.arguments import Parser, at_least, one_of
from settings.parse import stack_name_problems
from settings.problems import SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command's exit code: 0 when all went well and every check held, 1 otherwise."""
    parser = Parser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("action", choices=("up", "down", "shell", "status", "destroy", "move"))
    parser.add_argument("--stack", default="familyflow")
    parser.add_argument("--from", dest="before", default="", help="of move: the stack that the product is on")
    parser.add_argument("--host", default="", help="of shell: the host to log in to, where there are several")
    parser.add_argument("--checks", type=one_of("none", "basic", "all"), default="basic")
    parser.add_argument("--requests", type=at_least(1), default=20_000, help="how many each load sends at least")
    parser.add_argument("--report", type=one_of("text", "json"), default="text")
    options = parser.parse_args(arguments)
    actions: dict[str, Callable[[Rehearsal, argparse.Namespace], int]] = {
        "up": _up,
        "down": _down,
        "shell": _shell,
        "status": _status,
        "destroy": _destroy,
    }
    options.said = []
    if (options.action == "move") != bool(options.before):
        parser.error("move --stack <the new one> --from <the old one>; nothing else takes --from")
    try:
        if problems := stack_name_problems(options.stack):
            raise SettingsError(problems)
        if options.action == "move":
            return _move(options)
        with Rehearsal(options.stack, lambda line: _say(line, options.said)) as rehearsal:
            return actions[options.action](rehearsal, options)
    except (RehearsalError, CloudError, SettingsError) as error:
        _show(f"{error}")
        return 1
    except KeyboardInterrupt:
        _show(f"interrupted; what there is stays: `make rehearse-down STACK={options.stack}` removes it")
        return 130


def _show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _say(line: str, said: list[str]) -> None:
    said.append(line)
    _show(line)


def _up(rehearsal: Rehearsal, options: argparse.Namespace) -> int:
    timings: dict[str, float] = {}
    begun = time.monotonic()
    rehearsal.prepare()
    timings["engine and local cloud"] = time.monotonic() - begun
    summary = rehearsal.up()
    timings["up"] = summary.seconds
    _show(", ".join(f"{count} {word}" for word, count in sorted(summary.changes.items())))
    if options.checks == "none":
        return 0
    return _check(rehearsal, options, timings)


def _check(rehearsal: Rehearsal, options: argparse.Namespace, timings: dict[str, float]) -> int:
    # the checks' libraries are of no use to `down` and `status`
    from rehearsal import report
    from rehearsal.checks.catalogue import chosen
    from rehearsal.checks.scene import Scene

    scene = Scene(rehearsal, options.said, options.requests)
    results = []
    for check in chosen(options.checks, scene.settings.architecture.kind):
        _show(f"check {check.number}: {check.title}")
        results.append(check.run(scene))
        timings[f"check {check.number}: {check.title}"] = results[-1].seconds
        for line in results[-1].lines:
            if line.holds is False:
                _show(f"  ✗ {line.text}: {line.seen}")
    page = rehearsal.workspace.directory / "report.html"
    report.write_page(page, scene.settings, results, timings)
    print(report.as_json(results, timings) if options.report == "json" else report.terminal(results, timings))
    _show(f"the report: {page}")
    _show(f"the site: {scene.outputs['url']} at {scene.outputs['address']}, as long as this rehearsal stands")
    return 0 if all(result.passed for result in results) else 1


def _move(options: argparse.Namespace) -> int:
    from rehearsal import report
    from rehearsal.move.moving import rehearsed_move

    result = rehearsed_move(options.before, options.stack, _show)
    for line in result.lines:
        _show(f"  {'✓' if line.holds else '✗'} {line.text}")
    timings = {f"{options.before} → {options.stack}": result.seconds}
    print(report.as_json([result], timings) if options.report == "json" else report.terminal([result], timings))
    return 0 if result.passed else 1


def _down(rehearsal: Rehearsal, options: argparse.Namespace) -> int:
    rehearsal.down()
    _show(f"nothing is left of {rehearsal.stack}")
    return 0


def _destroy(rehearsal: Rehearsal, options: argparse.Namespace) -> int:
    if not rehearsal.workspace.exists:
        return _nothing(rehearsal)
    summary = rehearsal.destroy()
    _show(", ".join(f"{count} {word}" for word, count in sorted(summary.changes.items())))
    return 0


def _nothing(rehearsal: Rehearsal) -> int:
    _show(f"{rehearsal.stack} is not rehearsed now")
    return 1


def _status(rehearsal: Rehearsal, options: argparse.Namespace) -> int:
    if not rehearsal.workspace.exists:
        return _nothing(rehearsal)
    for host in rehearsal.cloud.hosts():
        power = "on" if host.running else "off"
        print(f"{host.name}: {power}, {host.public_address}, {host.cpus} CPU, {host.memory_mib} MiB")
    for name, value in rehearsal.outputs().items():
        print(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
    for address, count in rehearsal.connections().items():
        print(f"connections opened to {address}: {count}")
    return 0


def _shell(rehearsal: Rehearsal, options: argparse.Namespace) -> NoReturn:
    argv = login.command(rehearsal, options.host)
    os.execvp(argv[0], argv)  # noqa: S606 - in our place: whoever is logged in keeps no other command from the stack


if __name__ == "__main__":
    sys.exit(main())
