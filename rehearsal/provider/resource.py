"""The one mechanism behind every resource that a stand-in knows: a class with its properties, and what its API does."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal.provider.store import Record, Store
from rehearsal.provider.values import UNKNOWN, Properties

if TYPE_CHECKING:
    from rehearsal.provider.backend import Cloud


class RefusedError(Exception):
    """What the stand-in answers to a request that the cloud would not carry out."""


class PartialError(RefusedError):
    """It is there, and not as it should be: its id and what the cloud adds, which the engine keeps with the reason."""

    def __init__(self, reason: str, identifier: str, added: Properties) -> None:
        super().__init__(reason)
        self.identifier, self.added = identifier, added


@dataclass(frozen=True)
class Failure:
    """A mistake in an input that the provider finds before it calls the cloud."""

    property: str
    reason: str


@dataclass
class Context:
    """What a handler works with. `log` shows a line as progress; `config` is the provider's configuration."""

    store: Store
    cloud: Cloud
    urn: str = ""
    log: Callable[[str], None] = lambda line: None
    warn: Callable[[str], None] = lambda line: None
    config: Properties = field(default_factory=dict)
    stopped: Callable[[], str | None] = lambda: None
    """Why there is no more time for this: cancelled, or longer than its custom timeout."""


class Resource:
    """One type of resource. The class attributes are its schema; the methods get plain values, no marks of secrets."""

    token: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()
    computed: ClassVar[tuple[str, ...]] = ()
    """Outputs that the cloud fills in where the program gave none."""
    volatile: ClassVar[tuple[str, ...]] = ()
    """Computed outputs that an update may change."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    secret_inputs: ClassVar[tuple[str, ...]] = ()
    secret_outputs: ClassVar[tuple[str, ...]] = ()
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Lists, at any depth, whose order means nothing (sets, in the provider's schema)."""
    named: ClassVar[str | None] = None
    """The property that gets `<name>-<seven hex digits>` where the program sets none, as the provider does it."""
    hashed: ClassVar[frozenset[str]] = frozenset()
    """Inputs that the cloud keeps as a hash, so that the output is not the input."""
    ignored: ClassVar[tuple[str, ...]] = ()
    """Inputs whose change alone is no difference."""

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        """Mistakes that the provider itself finds; values may be unknown."""
        return []

    def forces(self, old: Properties, new: Properties) -> tuple[str, ...]:
        """Properties that replace only for certain values: the table in `policies.replaces` is for the others."""
        return ()

    def compared(self, old: Properties, state: Properties) -> Properties:
        """What new inputs are compared with: the old ones, or what the cloud answered in their place."""
        return old

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        """Makes it: its id and what the cloud adds to the inputs. Raises RefusedError, PartialError."""
        raise NotImplementedError

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        """What is there now, or None where it is gone."""
        return {}

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        """Changes it in place: what the cloud adds to the new inputs. Raises RefusedError, PartialError."""
        return {}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        """Removes it; gone already is fine. Raises RefusedError."""


class Recorded(Resource):
    """A resource that lives in the store alone: its record is its inputs and what `describe` adds."""

    table: ClassVar[str]
    described_as: ClassVar[str] = "resource"

    def new_id(self, inputs: Properties) -> str:
        return str(uuid.uuid4())

    def describe(self, identifier: str, inputs: Properties) -> Properties:
        """The outputs that the cloud adds once."""
        return {}

    def refuse(self, context: Context, rows: Mapping[str, Record], identifier: str | None, inputs: Properties) -> None:
        """Raises RefusedError where the API would. `rows` are the others of its kind; no identifier: it is new."""

    def kept(self, inputs: Properties) -> Properties:
        """What the record holds: nothing secret."""
        return {key: value for key, value in inputs.items() if key not in self.secret_inputs}

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        with context.store.transaction() as account:
            rows = account[self.table]
            self.refuse(context, rows, None, inputs)
            identifier = self.new_id(inputs)
            added = self.describe(identifier, inputs)
            rows[identifier] = {**self.kept(inputs), **{k: v for k, v in added.items() if k not in self.secret_outputs}}
        self.apply(context)
        return identifier, added

    def read(self, context: Context, identifier: str, state: Properties) -> Properties | None:
        return context.store.read()[self.table].get(identifier)

    def update(self, context: Context, identifier: str, state: Properties, inputs: Properties) -> Properties:
        with context.store.transaction() as account:
            rows = account[self.table]
            if identifier not in rows:
                raise RefusedError(f"404 The {self.described_as} you were looking for could not be found.")
            self.refuse(context, {k: v for k, v in rows.items() if k != identifier}, identifier, inputs)
            kept = {key: value for key, value in rows[identifier].items() if key in self.computed}
            rows[identifier] = {**kept, **self.kept(inputs)}
        self.apply(context)
        return {}

    def delete(self, context: Context, identifier: str, state: Properties) -> None:
        with context.store.transaction() as account:
            account[self.table].pop(identifier, None)
        self.apply(context)

    def apply(self, context: Context) -> None:
        """What follows on the local cloud, after the record has been written."""


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number() -> str:
    """An id of the kind that droplets and SSH keys have."""
    return str(100_000_000 + secrets.randbelow(900_000_000))


def known(inputs: Mapping[str, Any], name: str) -> Any:
    """The input, or None where it is missing or not known yet."""
    value = inputs.get(name)
    return None if value is UNKNOWN else value


def matches(pattern: str, value: Any) -> bool:
    """Whether the whole text fits the pattern; anything that isn't a text doesn't."""
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None
