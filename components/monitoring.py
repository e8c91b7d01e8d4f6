"""Somebody hears of it: the site seen from outside, and the machine from inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.component import Component
from settings import prices
from settings.stack import Alerts


@dataclass(frozen=True)
class MonitoringArgs:
    """`target` is the URL that has to answer; machines with `tag` are watched."""

    target: str
    tag: pulumi.Input[str]
    alerts: Alerts


class Monitoring(Component):
    """An uptime check with alerts (down, certificate about to expire, slow) and alerts on CPU, memory and disk."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        check = digitalocean.UptimeCheck(
            f"{name}-uptime",
            name=name,
            target=args.target,
            type="https",
            regions=["us_east", "eu_west"],
            opts=self.child(),
        )
        if args.alerts.email:
            notifications = [digitalocean.UptimeAlertNotificationArgs(emails=list(args.alerts.email))]
            self._uptime_alert("down", check, notifications, type="down_global", period=args.alerts.down_for)
            self._uptime_alert(
                "certificate", check, notifications, type="ssl_expiry", comparison="less_than", threshold=7, period="2m"
            )
            self._uptime_alert(
                "latency", check, notifications, type="latency", comparison="greater_than", threshold=1000, period="5m"
            )
            for resource, share in (
                ("cpu", args.alerts.cpu),
                ("memory", args.alerts.memory),
                ("disk", args.alerts.disk),
            ):
                self._machine_alert(resource, share, args.tag, args.alerts.email)
        self.monthly = prices.UPTIME_CHECK
        self.check_id = check.id
        self.register_outputs({"check_id": self.check_id})

    def _uptime_alert(
        self,
        what: str,
        check: digitalocean.UptimeCheck,
        notifications: Sequence[digitalocean.UptimeAlertNotificationArgs],
        **rule: str | int,
    ) -> None:
        digitalocean.UptimeAlert(
            f"{self.name}-{what}",
            name=f"{self.name}-{what}",
            check_id=check.id,
            notifications=list(notifications),
            opts=self.child(),
            **rule,
        )

    def _machine_alert(self, resource: str, share: int, tag: pulumi.Input[str], emails: Sequence[str]) -> None:
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
            tags=[tag],
            alerts={"emails": list(emails)},
            description=f"{self.name}: {resource} above {share} %",
            opts=self.child(),
        )
