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

OUTPUT, ENCRYPTED = "revision", "encrypted"
"""The stack's outputs that the next update finds: the hash of the secrets, and what the platform answered for each."""


@dataclass(frozen=True)
class Revision:
    """`text` is a keyed hash of everything that is kept encrypted; `kept` is what the platform answered for it at the
    last update, where that one had the same, else None."""

    text: pulumi.Output[str]
    kept: Mapping[str, Any] | None

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
    before = await _last().future() or {}
    now = await text.future()
    same = now is not None and now == before.get(OUTPUT)
    return Revision(text, before.get(ENCRYPTED) if same else None)


def digest(key: str, what: Any) -> str:
    """A hash that nobody can make or compare without the key."""
    document = json.dumps(what, sort_keys=True, ensure_ascii=True)
    return hmac.new(key.encode(), document.encode(), hashlib.sha256).hexdigest()


def _last() -> pulumi.Output[Any]:
    """What the stack's last update exported of `OUTPUT` and `ENCRYPTED`; None for each at first."""
    own = pulumi.StackReference(f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}")
    found: pulumi.Output[Any] = pulumi.Output.all(**{name: own.get_output(name) for name in (OUTPUT, ENCRYPTED)})
    return found
