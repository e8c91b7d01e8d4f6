"""What the value of an environment variable can be: text, a secret, something generated, or something that is wired."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from settings.masking import what_it_is
from settings.values import Model, Name, SecretName

WiredField = Literal[
    "url", "host", "port", "user", "password", "database", "access_key", "secret_key", "bucket", "endpoint", "region"
]


class Secret(Model):
    """A secret of the stack: `pulumi config set --secret slipway:NAME`."""

    secret: SecretName


class Generated(Model):
    """A random text of this length, made once and kept as a secret in the state, protected.

    Another length changes nothing. A variable that goes, or moves to another place in the file, stops at it
    (docs/operations.md).
    """

    generate: int = Field(ge=20, le=256)


class Wired(Model):
    """A fact that the architecture knows: of a backing service, or `domain`: the product's names, comma-separated."""

    source: Name = Field(alias="from")
    field: WiredField = "url"
    pool: Name | None = Field(
        default=None, description="managed postgres: by which of its `pools`; a migration wants the database itself"
    )

    @property
    def fact(self) -> str:
        """The key of what is asked for, among the facts of the backing service (see `fact_of`)."""
        return self.field if self.pool is None else fact_of(self.pool, self.field)


def fact_of(pool: str, field: str) -> str:
    """The key of a pool's fact, beside those of its database."""
    return f"pools.{pool}.{field}"


_LONGEST = 100_000
"""Bytes of a variable's text. Linux takes 128 KiB (MAX_ARG_STRLEN) with the name."""
FORMS = "text, {secret: NAME}, {generate: LENGTH} or {from: BACKING-SERVICE}"
FORM_OF: dict[type[Model], str] = {Secret: "secret", Generated: "generate", Wired: "from"}
"""The key by which each form is known."""


def _form(value: Any) -> str | None:
    """Which of the forms `value` means; None where it is a mapping that means none of them."""
    if isinstance(value, dict):
        return next((tag for tag in FORM_OF.values() if tag in value), None)
    return FORM_OF.get(type(value), "text")


def _text(value: Any) -> str:
    """A variable's text. What it is instead is told without repeating it: it may be a password."""
    if isinstance(value, bool | int | float):
        raise ValueError(f"is {what_it_is(value)}, should be text: put it in quotes, as the program will read it")
    if not isinstance(value, str):
        raise ValueError(f"is {what_it_is(value)}, should be {FORMS}")
    if any(char in value for char in "\n\r\0"):
        raise ValueError("has more than one line, should have one: give a file's content by a URL or in base64")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("has half a character (\\ud800 to \\udfff), should be whole ones: write the character itself")
    if len(value.encode()) > _LONGEST:
        raise ValueError(f"is too long, should be at most {_LONGEST} bytes: Linux starts no process with a longer one")
    return value


EnvironmentValue = Annotated[
    Annotated[str, BeforeValidator(_text), Tag("text")]
    | Annotated[Secret, Tag("secret")]
    | Annotated[Generated, Tag("generate")]
    | Annotated[Wired, Tag("from")],
    Discriminator(
        _form, custom_error_type="form", custom_error_message=f"is a mapping of something else, should be {FORMS}"
    ),
]
