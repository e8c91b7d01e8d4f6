"""Whether what a platform keeps encrypted is as the last update left it (docs/adr/0014)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_random as random

OUTPUT = "revision"
"""The stack's output that the next update compares with."""


@dataclass(frozen=True)
class Revision:
    """`text` is a keyed hash of everything that is kept encrypted; `unchanged` says whether the last update had it."""

    text: pulumi.Output[str]
    unchanged: bool

    def after(self, made: pulumi.Output[Any]) -> pulumi.Output[str]:
        """The hash, once what it is about is there: an update that failed leaves the old one in the state."""
        found: pulumi.Output[str] = pulumi.Output.all(made, self.text).apply(lambda both: str(both[1]))
        return found


async def revise(name: str, filled: pulumi.Output[Mapping[str, Any]]) -> Revision:
    """Compare `filled` with what the stack's own last update was given.

    What `filled` needs is made while this waits for it. Where something of it is known only later (in a preview), it
    counts as changed.
    """
    key = random.RandomPassword(f"{name}-revision-key", length=64, special=False).result
    # the key is in the state alone, as a secret: without it nobody can try out what the hash is of
    text = pulumi.Output.unsecret(pulumi.Output.all(key, filled).apply(lambda both: digest(str(both[0]), both[1])))
    before = await _last().future()
    now = await text.future()
    return Revision(text, now is not None and now == before)


def digest(key: str, what: Any) -> str:
    """A hash that nobody can make or compare without the key."""
    document = json.dumps(what, sort_keys=True, ensure_ascii=True)
    return hmac.new(key.encode(), document.encode(), hashlib.sha256).hexdigest()


def _last() -> pulumi.Output[Any]:
    """What the stack's last update exported; None at first."""
    own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    found: pulumi.Output[Any] = pulumi.StackReference(own).get_output(OUTPUT)
    return found
