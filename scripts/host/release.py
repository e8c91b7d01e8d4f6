"""`slipway release`, `rollback` and `recover`: from what is asked for to a release under way, one at a time."""

from __future__ import annotations

import argparse
import re
import sys
import time

from . import release_config
from .compose_config import ComposeConfig
from .kinds import AnyConfig
from .ledger import Ledger, Summary
from .lock import Lock
from .release_config import Layout
from .request import Request, read_request
from .run import HostError
from .session import HERE, Place, session
from .state import StateFile

RELEASE_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")


def main(argv: list[str], place: Place = HERE) -> int:
    """`slipway release [--take-over]`: a request as JSON on standard input. 0 if it serves after, else 1."""
    options = _options("release", argv)
    request = read_request(sys.stdin.read())
    layout, config = place.layout()
    check_kind(request, config)
    with session(layout, config, request.owner, options.take_over or request.take_over) as host:
        live, serving = host.effects.live_slot(), host.serving()
        if live and serving and _is(layout, serving, request) and host.effects.serves(live):
            host.progress.say(f"already serving {serving}")
            return 0
        return host.run(host.state(new_id(request), request))


def rollback_main(argv: list[str], place: Place = HERE) -> int:
    """`slipway rollback [<release>]`: return to the release before, or to one that served once."""
    options = _options("rollback", argv)
    layout, config = place.layout()
    with session(layout, config, options.owner, options.take_over) as host:
        serving = host.serving()
        target = rollback_target(Ledger(layout.state).released(), serving, options.release)
        if target.release == serving:
            host.progress.say(f"already serving {serving}")
            return 0
        return host.run(host.back_to(target))


def recover_main(argv: list[str], place: Place = HERE) -> int:
    """`slipway recover [--boot]`: finish or undo a release that was interrupted; at boot, also start what serves.

    Nobody of the boot before is left to hold the lock, and a fleet's release that was under way asks what became of it.
    """
    options = _options("recover", argv)
    holder = Lock(place.state).holder()
    if StateFile(place.state).load() is None and holder is None and not (options.boot and place.has_containers()):
        print("nothing to recover")
        return 0
    layout, config = place.layout()
    gone = options.boot and holder is not None and not holder.running()  # a fleet's lock holds without a process
    with session(layout, config, options.owner, options.take_over or gone, cold=options.boot) as host:
        if options.boot:
            host.effects.settle()
        return 0


def check_kind(request: Request, config: AnyConfig) -> None:
    """HostError if this host does not release what is asked for."""
    if not isinstance(config, ComposeConfig):
        if request.images:
            raise HostError("the request names images, and this host builds a commit: is it for another host?")
        return
    if not request.images:
        raise HostError("the request names a commit, and this host runs images: is it for another host?")
    for service in config.services:
        if service.name not in request.services:
            raise HostError(f"the request names no image for services.{service.name}")


def new_id(request: Request) -> str:
    """The name of a release that begins now."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{request.commit[:8]}"


def rollback_target(released: list[Summary], serving: str | None, named: str | None) -> Summary:
    """The release to return to: the one that is named, else the last that served before this one. HostError if none."""
    if named is not None:
        if not RELEASE_ID.fullmatch(named):
            raise HostError(f"{named!r} is not a release: see `slipway ledger`")
        for summary in reversed(released):
            if summary.release == named:
                return summary
        raise HostError(f"{named} never served: see `slipway ledger`")
    for summary in reversed(released):
        if summary.release != serving:
            return summary
    raise HostError("there is no release before this one")


def _is(layout: Layout, release: str, request: Request) -> bool:
    identity = release_config.identity(layout.release(release))
    return identity.get("commit") == request.commit and identity.get("revision") == request.revision


def _options(command: str, argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"slipway {command}")
    parser.add_argument("--take-over", action="store_true", help="end a release that is under way, and undo it")
    if command != "release":
        parser.add_argument("--owner", default="root", help="who is doing this, for the ledger")
    if command == "rollback":
        parser.add_argument("release", nargs="?", help="a release that served once (default: the one before)")
    if command == "recover":
        parser.add_argument("--boot", action="store_true", help="nothing of the product runs yet, nothing is started")
    return parser.parse_args(argv)
