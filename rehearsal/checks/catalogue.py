"""The checks in their order, by the numbers that the report shows."""

from __future__ import annotations

from rehearsal.checks import (
    audits,
    changes,
    containers,
    deaths,
    deployments,
    exposure,
    fleet,
    platform,
    recovery,
    releases,
    site,
)
from rehearsal.checks.check import Check

_USERS = Check(1, "Locust's users are answered", True, site.users_are_answered)
_FIRST = (
    Check(1, "the site answers over HTTPS", True, site.answers_over_https),
    Check(3, "only what should be open is open", True, exposure.only_what_should_be_open),
    Check(4, "secrets stay secret", True, exposure.secrets_stay_secret),
    Check(7, "a second `up` changes nothing", True, changes.second_up_changes_nothing),
)
_LAST = (
    Check(6, "releases drop nothing", False, releases.releases_drop_nothing),
    Check(7, "one change changes one thing", False, changes.one_change_changes_one_thing),
    Check(8, "a certificate is renewed without a failed request", False, site.certificate_renews),
    Check(9, "auditors are content", False, audits.auditors_are_content),
    Check(7, "destroyed, and made again", False, changes.destroyed_and_made_again),
)
_BUT_FOR_THE_DATA = Check(7, "destroyed but for the data, and made again", False, changes.destroyed_but_for_the_data)
CHECKS: dict[str, tuple[Check, ...]] = {
    "droplet-pm2": (
        *_FIRST[:1],
        _USERS,
        Check(2, "tasks come back, the scheduler beats", True, site.tasks_come_back),
        *_FIRST[1:],
        Check(5, "everything returns by itself", False, recovery.everything_returns),
        *_LAST,
    ),
    "droplet-compose": (
        *_FIRST[:1],
        _USERS,
        Check(2, "streams pass", True, containers.streams_pass),
        *_FIRST[1:],
        Check(3, "nothing is published by mistake", True, containers.nothing_is_published_by_mistake),
        Check(3, "metrics are not for visitors", True, containers.metrics_are_kept),
        Check(5, "everything returns by itself", False, containers.everything_returns),
        Check(5, "replicas stand in for each other", False, containers.replicas_stand_in),
        *_LAST,
    ),
    "fleet-compose": (
        *_FIRST[:1],
        _USERS,
        Check(2, "streams pass", True, containers.streams_pass),
        Check(3, "only the balancer reaches the hosts, only hosts reach the data", True, exposure.only_from_inside),
        Check(3, "metrics are not for visitors", True, containers.metrics_are_kept),
        *_FIRST[2:],
        Check(3, "nothing is published by mistake", True, containers.nothing_is_published_by_mistake),
        Check(5, "everything returns by itself", False, containers.everything_returns),
        Check(5, "replicas stand in for each other", False, containers.replicas_stand_in),
        Check(5, "lost hosts are left out", False, fleet.lost_hosts_are_left_out),
        Check(6, "a release reaches all hosts or none", False, fleet.releases_reach_all_or_none),
        Check(6, "whoever dies, one version serves", False, deaths.any_death_leaves_one_version),
        Check(5, "the number of hosts changes without a failed request", False, fleet.the_number_of_hosts_changes),
        _LAST[1],
        Check(8, "a certificate is renewed without a failed request", False, fleet.certificate_renews),
        _BUT_FOR_THE_DATA,
    ),
    "app-platform": (
        Check(1, "the app answers over HTTPS", True, platform.answers_over_https),
        _USERS,
        Check(3, "only the app reaches the data", True, platform.only_the_app_reaches_the_data),
        Check(4, "secrets stay secret", True, platform.secrets_stay_secret),
        Check(2, "logs arrive where they are collected", True, platform.logs_arrive),
        Check(7, "a second `up` deploys nothing", True, platform.second_up_changes_nothing),
        Check(5, "an instance that dies returns", False, platform.an_instance_that_dies_returns),
        Check(6, "deployments drop nothing", False, deployments.deployments_drop_nothing),
        Check(7, "one change is one deployment", False, platform.one_change_changes_one_thing),
        Check(7, "another kind and back, with the same data", False, platform.the_kind_changes),
        _BUT_FOR_THE_DATA,
    ),
}
"""By kind."""


def chosen(which: str, kind: str = "droplet-pm2") -> tuple[Check, ...]:
    """The checks for `basic` or `all` of a kind."""
    return tuple(check for check in CHECKS[kind] if check.basic or which == "all")
