"""Somebody hears of it: the site seen from outside, and the machine from inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component
from settings import prices
from settings.stack import Alerts


@dataclass(frozen=True)
class MonitoringArgs:
    """`targets` are the URLs that have to answer, one for each name; machines with one of `tags` are watched."""

    targets: Sequence[str]
    tags: Sequence[pulumi.Input[str]]
    alerts: Alerts


class Monitoring(Component):
    """Uptime checks with alerts (down, certificate about to expire, slow) and alerts on CPU, memory and disk."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        checks = [
            self._check(target, "" if index == 0 else f"-{_name(target)}", args.alerts)
            for index, target in enumerate(args.targets)
        ]
        if args.alerts.email and args.tags:
            for resource, share in (
                ("cpu", args.alerts.cpu),
                ("memory", args.alerts.memory),
                ("disk", args.alerts.disk),
            ):
                self._machine_alert(resource, share, args.tags, args.alerts.email)
        self.monthly = prices.UPTIME_CHECK * len(checks)
        self.register_outputs({"check_ids": [check.id for check in checks]})

    def _check(self, target: str, suffix: str, alerts: Alerts) -> digitalocean.UptimeCheck:
        """Somebody asks for `target` from two continents. The first check's names have no suffix."""
        check = digitalocean.UptimeCheck(
            f"{self.name}-uptime{suffix}",
            name=f"{self.name}{suffix}",
            target=target,
            type="https",
            regions=["us_east", "eu_west"],
            opts=self.child(),
        )
        rules: dict[str, dict[str, str | int]] = {
            "down": {"type": "down_global", "period": alerts.down_for},
            "certificate": {"type": "ssl_expiry", "comparison": "less_than", "threshold": 7, "period": "2m"},
            "latency": {"type": "latency", "comparison": "greater_than", "threshold": 1000, "period": "5m"},
        }
        for what, rule in rules.items() if alerts.email else ():
            digitalocean.UptimeAlert(
                f"{self.name}-{what}{suffix}",
                name=f"{self.name}-{what}{suffix}",
                check_id=check.id,
                notifications=[digitalocean.UptimeAlertNotificationArgs(emails=list(alerts.email))],
                opts=self.child(),
                **rule,
            )
        return check

    def _machine_alert(
        self, resource: str, share: int, tags: Sequence[pulumi.Input[str]], emails: Sequence[str]
    ) -> None:
        types = {
            "cpu": "v1/insights/droplet/cpu",
            "memory": "v1/insights/droplet/memory_utilization_percent",
            "disk": "v1/insights/droplet/disk_utilization_percent",
        }
        digitalocean.MonitorAlert(
            f"{self.name}-{resource}",
            type=types[resource],
            compare="GreaterThan",
            value=share,
            window="5m",
            tags=list(tags),
            alerts={"emails": list(emails)},
            description=f"{self.name}: {resource} above {share} %",
            opts=self.child(),
        )


def _name(target: str) -> str:
    return urlsplit(target).hostname or target
