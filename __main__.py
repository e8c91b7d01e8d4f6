"""What `pulumi up` runs: load the settings, build the architecture, export its outputs."""

from __future__ import annotations

import gc
import os
import signal
import sys

SAID = 32
"""The exit code by which a program tells the engine that what it has to say was said (pulumi-language-python)."""


def _end_quietly(*_: object) -> None:
    """Where an update fails or is interrupted the engine interrupts the program, after it has said why. Python would
    add two tracebacks of whatever it waits for. Nothing here is lost: what is made is the engine's to write down."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(SAID)


signal.signal(signal.SIGINT, _end_quietly)
gc.disable()  # the providers' packages are large and live to the end: to collect while they load costs a third more

import pulumi  # noqa: E402

from architectures import declare  # noqa: E402

try:
    declare()
except pulumi.RunError as mistakes:  # the engine would add that an unhandled error has occurred
    pulumi.log.error(str(mistakes))
    sys.exit(SAID)
