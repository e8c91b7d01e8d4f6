"""The same for the rules on what outlives a machine."""

from __future__ import annotations

import dataclasses
from typing import Any

from policies.graph import UNKNOWN, Resource
from tests.policies.fleet_cases import IMAGE, KEPT
from tests.policies.stacks import Case, apply, compose, context, droplet, resource, settings


def without_backups(*files: dict[str, Any], **inputs: Any) -> list[Resource]:
    machine = droplet(backups=False)
    told = apply(machine, files=list(files))
    return [machine, dataclasses.replace(told, inputs={**told.inputs, **inputs})]


ON_VOLUME = resource("VolumeAttachment", property_dependencies={"dropletId": (droplet().urn,)})
SHARED = {"path": "/etc/systemd/system/opt-a-data-_volumes.mount", "content": "[Mount]\nWhat=a:/b\nType=nfs\n"}
CASES = [
    Case(
        "no-backups",
        [
            context(droplet(backups=False)),
            context(droplet(backups=None), of=settings()),
            context(*without_backups(compose(documents=KEPT))),
            context(*without_backups(compose(api={"volumes": ["/srv/a:/a"]}))),
            context(*without_backups(compose(api={"volumes": [{"source": "a", "target": "/a"}]}))),
            context(*without_backups({"path": "/etc/slipway/release.json", "content": "{}"})),
            context(droplet(), ON_VOLUME),
            context(resource("Nfs", protect=True)),
        ],
        [
            context(droplet()),
            context(*without_backups(compose(api=KEPT), SHARED)),
            context(resource("Nfs", protect=True), of=settings("staging")),
            context(droplet(backups=False), of=settings("staging")),
            context(*without_backups(compose(api={"image": IMAGE, "volumes": ["/srv/a.key:/a.key:ro", "/cache"]}))),
            context(*without_backups(compose(api={"volumes": [{"source": "a", "target": "/a", "read_only": True}]}))),
            context(*without_backups()),
            context(*without_backups(compose(documents=KEPT), stdin=UNKNOWN)),
            context(droplet("other"), ON_VOLUME),
        ],
    ),
    Case(
        "data-on-disk",
        [
            context(*without_backups(compose(documents=KEPT))),
            context(*without_backups(compose(documents=KEPT)), of=settings()),
        ],
        [
            context(*without_backups(compose(documents=KEPT)), ON_VOLUME),
            context(*without_backups(compose(documents=KEPT)), of=settings("staging")),
            context(*without_backups(compose(api=KEPT), SHARED)),
            context(*without_backups(compose(api={"image": IMAGE}))),
        ],
    ),
    Case(
        "share-region",
        [context(resource("Nfs", protect=True, inputs={"region": "nyc3"}))],
        [context(resource("Nfs", protect=True, inputs={"region": "nyc2"})), context()],
    ),
]
