"""What `pulumi up` runs: load the settings, build the architecture, export its outputs."""

from __future__ import annotations

import gc

gc.disable()  # the providers' packages are large and live to the end: collecting while they load costs a third of the time

from architectures import declare  # noqa: E402

declare()
