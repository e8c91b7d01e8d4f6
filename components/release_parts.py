"""By which names the engine's state and previews know what a release changes, and the hosts that it goes to.

Nothing of Pulumi is loaded here: the operator's commands read it, too.
"""

from __future__ import annotations

COORDINATOR = "scripts/fleet.sh"
"""It speaks to all hosts at once, from where `pulumi up` runs. The path is the same on every machine that runs it."""
RELEASE_COMMAND = f"{COORDINATOR} release"

FLEET_RELEASE, HOST_SETUP, APP = "slipway:fleet_release:FleetRelease", "slipway:host_setup:HostSetup", "slipway:app:App"
"""The components that release: on a fleet, on one host, on a platform."""
BOOTSTRAP, CONFIRM, RELEASE = "bootstrap", "firewall-confirm", "release"
"""The first and the last part of a host's set-up, and what releases: the ends of their names."""
