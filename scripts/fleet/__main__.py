"""`python -m scripts.fleet release|recover|rollback|status|read-only|unmount`: the order as JSON on standard input."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys

from scripts.fleet.alarm import Alarm
from scripts.fleet.calls import Calls
from scripts.fleet.connections import Connections
from scripts.fleet.coordinator import Coordinator
from scripts.fleet.order import Order, read
from scripts.fleet.progress import Progress
from scripts.fleet.protocol import FleetError, StoppedError
from scripts.fleet.unmounting import unmount

COMMANDS = {
    "release": "bring the order's request to serve on every host, or on none",
    "recover": "finish or undo what an earlier coordinator left",
    "rollback": "return every host to the release that served before",
    "status": "say which release each host has (--json: for programs)",
    "unmount": "have every host stop what writes on its volumes, and unmount them",
    "read-only": "have every host refuse what may change something (on), or take it again (off)",
}

_LOOKS_EVERY = 0.5
"""Seconds between two looks at whether fleet.sh is still there."""


def main(argv: list[str]) -> int:
    """The command line. Secrets come on standard input alone."""
    lines = "\n".join(f"  {name:10}{what}" for name, what in COMMANDS.items())
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="fleet.sh", description=f"commands:\n{lines}", formatter_class=form)
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    parser.add_argument("switch", nargs="?", choices=("on", "off"), help="of read-only")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    if (options.command == "read-only") != (options.switch is not None):
        parser.error("read-only on, read-only off; no other command takes on or off")
    try:
        order = read(sys.stdin.read())
        return asyncio.run(_run(options, order))
    except FleetError as error:
        print(error.describe(), file=sys.stderr)
        return 1


async def _run(options: argparse.Namespace, order: Order) -> int:
    if options.command == "unmount":
        await unmount(order, lambda line: print(line, flush=True))
        return 0
    progress, alarm = Progress(), Alarm()
    _listen(alarm)
    watching = asyncio.create_task(_watch(alarm))
    async with Connections(order.hosts, order.private_key) as connections:
        coordinator = Coordinator(Calls(connections, order, progress, alarm))
        ticking = asyncio.create_task(progress.tick())
        try:
            if options.command == "status" and options.json:
                print(json.dumps(await coordinator.report()))
                return 0
            good = await _done(coordinator, options, progress)
            await coordinator.table()
        finally:
            ticking.cancel()
            watching.cancel()
    return 0 if good else 1


async def _done(coordinator: Coordinator, options: argparse.Namespace, progress: Progress) -> bool:
    try:
        if options.switch is not None:
            return await coordinator.read_only(options.switch == "on")
        return bool(await getattr(coordinator, options.command)())
    except FleetError as error:
        progress.complain(error.describe(), error.lines)
        return False


def _listen(alarm: Alarm) -> None:
    """A wish to end is a failure like any other: what was begun is undone, what was committed is finished."""
    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # whoever watched may go
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, alarm.ring, StoppedError(f"interrupted by {number.name}"))


async def _watch(alarm: Alarm) -> None:
    """Where fleet.sh waits for this, that it or what has started it was killed is a wish to end, too."""
    starter, waiting = os.environ.get("SLIPWAY_FRONT"), os.getppid()
    if starter is None:
        return
    while os.getppid() == waiting and _is_there(int(starter)):
        await asyncio.sleep(_LOOKS_EVERY)
    alarm.ring(StoppedError("interrupted: what has started it was killed"))


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
