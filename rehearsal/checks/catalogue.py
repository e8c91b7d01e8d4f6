"""The checks in their order, by the numbers that the report shows."""

from __future__ import annotations

from rehearsal.checks import audits, changes, exposure, recovery, releases, site
from rehearsal.checks.check import Check

CHECKS: tuple[Check, ...] = (
    Check(1, "the site answers over HTTPS", True, site.answers_over_https),
    Check(2, "tasks come back, the scheduler beats", True, site.tasks_come_back),
    Check(3, "only what should be open is open", True, exposure.only_what_should_be_open),
    Check(4, "secrets stay secret", True, exposure.secrets_stay_secret),
    Check(7, "a second `up` changes nothing", True, changes.second_up_changes_nothing),
    Check(5, "everything returns by itself", False, recovery.everything_returns),
    Check(6, "releases drop nothing", False, releases.releases_drop_nothing),
    Check(7, "one change changes one thing", False, changes.one_change_changes_one_thing),
    Check(8, "a certificate is renewed without a failed request", False, site.certificate_renews),
    Check(9, "auditors are content", False, audits.auditors_are_content),
    Check(7, "destroyed, and made again", False, changes.destroyed_and_made_again),
)


def chosen(which: str) -> tuple[Check, ...]:
    """The checks for `basic` or `all`."""
    return tuple(check for check in CHECKS if check.basic or which == "all")
