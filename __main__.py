"""What `pulumi up` runs: load the settings, build the architecture, export its outputs."""

from __future__ import annotations

import gc

gc.disable()  # the providers' packages are large and live to the end: to collect while they load costs a third more

from architectures import declare  # noqa: E402

declare()
