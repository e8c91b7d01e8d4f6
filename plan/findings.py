"""What the policies find, for people: the same of many hosts is told once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from plan.many import MOST, in_words
from policies.rule import Finding


def told_once(findings: Sequence[Finding]) -> list[Finding]:
    """The findings in their order; those that say the same of the same, or of more than MOST others, are one."""
    same: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        same.setdefault((finding.severity, finding.rule, finding.what, finding.right), []).append(finding)
    return [told for group in same.values() for told in _told(group)]


def _told(group: Sequence[Finding]) -> list[Finding]:
    by_subject: dict[str, list[Finding]] = {}
    for finding in group:
        by_subject.setdefault(finding.subject, []).append(finding)
    if len(by_subject) > MOST:
        return [dataclasses.replace(group[0], subject=in_words(list(by_subject)))]
    return [
        dataclasses.replace(alike[0], subject=f"{subject} ({len(alike)} hosts)" if len(alike) > 1 else subject)
        for subject, alike in by_subject.items()
    ]
