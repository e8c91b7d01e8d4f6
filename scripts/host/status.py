"""`slipway status`: what serves, what runs, what is under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import compose_config, kinds, read_only, reboot, release_config
from .ledger import Ledger
from .lock import Lock
from .release_config import SLOTS, Layout
from .slots import Slots
from .state import StateFile


def status(layout: Layout) -> dict[str, Any]:
    """Everything that links and files tell; asks no process, so it is quick and changes nothing."""
    slots = Slots(layout)
    live = slots.live()
    serving = slots.release(live) if live else None
    released = Ledger(layout.state).released()
    state = StateFile(layout.state).load()
    holder = Lock(layout.state).holder()
    versions = compose_config.of_release(layout.release(serving)).get("versions") if serving else None
    return {
        "serving": serving,
        "slot": live,
        "commit": release_config.identity(layout.release(serving)).get("commit") if serving else None,
        **({"versions": versions} if versions else {}),
        "since": next((entry.ended for entry in reversed(released) if entry.release == serving), None),
        "slots": {slot: slots.release(slot) for slot in SLOTS},
        "kept": slots.kept() if layout.releases.is_dir() else [],
        "under_way": {"release": state.release, "step": state.step, "returning": state.returning} if state else None,
        "lock": {"owner": holder.owner, "alive": holder.alive(), "step": holder.step} if holder else None,
        "read_only": read_only.since(layout),
        "reboot_asked": reboot.asked(),
    }


def main(argv: list[str], etc: Path = Path("/etc/slipway"), state: Path = Path("/var/lib/slipway")) -> int:
    """Print the status, as JSON with --json."""
    layout = kinds.load(etc, state)[0]
    found = status(layout)
    if "--json" in argv:
        print(json.dumps(found))
        return 0
    if found["serving"]:
        print(f"serving {found['serving']} (commit {found['commit']}, slot {found['slot']}) since {found['since']}")
        for image, version in sorted(found.get("versions", {}).items()):
            print(f"  {image} {version}")
    else:
        print("no release serves")
    if noted := read_only.note(layout):
        print(noted)
    if late := read_only.late(layout):
        print(late)
    if waiting := reboot.note():
        print(waiting)
    for slot, release in found["slots"].items():
        print(f"  {slot:<5} {release or '-'}")
    if found["under_way"]:
        under_way = found["under_way"]
        print(f"under way: {under_way['release']}, step {under_way['step']}")
    if found["lock"]:
        lock = found["lock"]
        gone = "" if lock["alive"] else ", gone: `slipway recover` finishes or undoes what it left"
        print(f"lock: {lock['owner']}{gone}")
    return 0
