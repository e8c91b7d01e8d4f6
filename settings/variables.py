"""What the value of an environment variable can be: text, a secret, something generated, or something that is wired."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from settings.values import Model, Name, VariableName

WiredField = Literal["url", "host", "port", "user", "password", "database", "access_key", "secret_key", "bucket", "endpoint", "region"]


class Secret(Model):
    """A secret of the stack: `pulumi config set --secret slipway:NAME`."""

    secret: VariableName





class Generated(Model):
    """A random text of this length, made once and kept as a secret in the state."""

    generate: int = Field(ge=20, le=256)


class Wired(Model):
    """A fact that the architecture knows: of a backing service, or the product's `domain` (all names, comma-separated)."""

    source: Name = Field(alias="from")
    field: WiredField = "url"


def _form(value: Any) -> str:
    if isinstance(value, dict):
        for key, tag in (("secret", "secret"), ("generate", "generate"), ("from", "from")):
            if key in value:
                return tag
        return "secret"
    if isinstance(value, Secret | Generated | Wired):
        return {Secret: "secret", Generated: "generate", Wired: "from"}[type(value)]
    return "text"


def _text(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        raise ValueError(f"{value!r} is not text: write it in quotes, as the program will read it, '{value}'")
    if isinstance(value, str) and ("\n" in value or "\0" in value):
        raise ValueError("has more than one line: a variable is one line")
    return value


EnvironmentValue = Annotated[
    Annotated[str, BeforeValidator(_text), Tag("text")]
    | Annotated[Secret, Tag("secret")]
    | Annotated[Generated, Tag("generate")]
    | Annotated[Wired, Tag("from")],
    Discriminator(_form),
]
