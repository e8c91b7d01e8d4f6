"""The plain values of a stack file, each with the one-line message a person gets when it is wrong.

Every type here is `Annotated` with something that knows its `expected` form in words: the message, the JSON Schema and
the hint for a missing key are made of it. The key path is put in front by `settings.messages`.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from settings.cron import check_schedule
from settings.masking import shown
from settings.problems import nearest
from settings.quantity import DURATION, MEMORY


class Model(BaseModel):
    """The base of every block of a stack file: immutable, nothing is guessed, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        strict=True,
        allow_inf_nan=False,
    )


@dataclass(frozen=True)
class Text:
    """Text of one form. `check` raises ValueError with what is wrong with it; `pattern` or `words` are for editors."""

    expected: str
    check: Callable[[str], str]
    pattern: str | None = None
    words: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(schema)
        if self.pattern is not None:
            made |= {"pattern": f"^(?:{self.pattern})$", "patternErrorMessage": f"should be {self.expected}"}
        if self.words:
            made["enum"] = list(self.words)
        return made


def _matching(pattern: str, expected: str, *, quote: bool = True) -> Text:
    """Text that `pattern` matches. A value that may hold a password is not quoted."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{shown(value)} is not {expected}" if quote else f"is not {expected}")
        return value

    return Text(expected, check, pattern)


def one_of(known: tuple[str, ...], what: str) -> Text:
    """One of the words of a table, such as the regions of a cloud."""

    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"there is no {what} {shown(value)}; {nearest(value, known)}")
        return value

    return Text(f"one of {', '.join(known)}", check, words=known)


_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]"
_LOCAL = r"[A-Za-z0-9_][A-Za-z0-9_+%'-]*(?:\.[A-Za-z0-9_+%'-]+)*"
"""Before the @ of a mail address. No dash at the start: programs on the host take it as an argument."""
_EMAIL = "an e-mail address such as ops@example.com"
_SEGMENT = r"(?!\.\.?(?:/|$))[A-Za-z0-9._-]+"

Name = Annotated[
    str,
    _matching(
        r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "a name: lower-case letters, digits and dashes, starting with a letter, at most 32",
    ),
]
VariableName = Annotated[str, _matching(r"[A-Z][A-Z0-9_]*", "a variable name: capitals, digits and underscores")]
SecretName = Annotated[
    str,
    _matching(
        r"[A-Z][A-Z0-9_]*",
        "the name of a secret (capitals, digits, underscores): its value goes into `pulumi config set --secret`",
        quote=False,
    ),
]
DatabaseName = Annotated[
    str, _matching(r"[a-z_][a-z0-9_]{0,62}", "a database's or user's name: lower-case letters, digits and underscores")
]
BucketName = Annotated[
    str, _matching(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "a bucket's name: 3 to 63 lower-case letters, digits and dashes")
]
DomainName = Annotated[
    str, _matching(_DOMAIN, "a domain name such as app.example.com (no scheme, no path, lower case, IDNs as xn--…)")
]
Email = Annotated[
    str,
    _matching(rf"(?=[^@]{{1,64}}@){_LOCAL}@" + _DOMAIN.replace(r"(?=.{1,253}$)", ""), _EMAIL),
]
UrlPath = Annotated[
    str,
    _matching(r"(?!.*(?://|/\.\.?(?:/|$)))/[A-Za-z0-9._~/-]*", "a path of a URL such as /api/health/ (no //, no ..)"),
]
RelativePath = Annotated[
    str,
    _matching(rf"\.|{_SEGMENT}(?:/{_SEGMENT})*", "a path inside the repository such as backend or frontend/dist"),
]
AbsolutePath = Annotated[str, _matching(rf"(?:/{_SEGMENT})+", "an absolute path such as /var/lib/app")]
Commit = Annotated[
    str,
    _matching(
        r"[0-9a-f]{40}", "a whole commit: 40 hexadecimal digits as `git rev-parse HEAD` prints, no branch and no tag"
    ),
]
ImageDigest = Annotated[
    str,
    _matching(
        r"[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}",
        "an image by digest such as ghcr.io/example/backend@sha256:… (a tag can move: "
        "`docker buildx imagetools inspect` shows the digest it has now)",
    ),
]
ImageTag = Annotated[str, _matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "an image's tag such as 1.4.2")]
RepositoryUrl = Annotated[
    str,
    _matching(
        r"https://[A-Za-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9_.~/-]+",
        "a repository's https URL such as https://github.com/example/app.git (without a user or token)",
    ),
]
HttpsUrl = Annotated[str, _matching(r"https://[^\s@]+", "an https URL without a user or password", quote=False)]
LogEndpoint = Annotated[
    str,
    _matching(
        r"(?:https|syslog\+tls)://[^\s@/]+(?:/[^\s@]*)?",
        "where logs are sent, encrypted: https://… or syslog+tls://host:port, without a user or password",
        quote=False,
    ),
]
ZoneId = Annotated[str, _matching(r"[0-9a-f]{32}", "a zone's id: 32 hexadecimal digits", quote=False)]
Slug = Annotated[str, _matching(r"[a-z0-9]+(?:-[a-z0-9]+)*", "a word of the provider's such as nyc3 or db-s-1vcpu-1gb")]
ContainerUser = Annotated[
    str,
    _matching(
        r"[1-9][0-9]{0,8}:(?:0|[1-9][0-9]{0,8})",
        "a user, not root, and a group by number such as 10001:10001",
    ),
]
Account = Annotated[str, _matching(r"[A-Za-z0-9._-]{1,64}", "a user's name")]
Port = Annotated[int, Field(ge=1, le=65535)]


def _ssh_key(value: str) -> str:
    """A public key whose inside is of the type that it says. Never quoted: the private one looks alike."""
    if not re.fullmatch(_SSH_KEY_FORM, value, re.ASCII):
        raise ValueError(f"is not {_SSH_KEY}")
    kind, blob, *_ = value.split(" ")
    if _ssh_key_parts(blob)[:1] != [kind.encode()]:
        raise ValueError(f"says {kind} and holds no such key, should be the whole line of the .pub file")
    return value


def _ssh_key_parts(blob: str) -> list[bytes]:
    """The parts of a key (RFC 4253, 6.6), each behind its length; none where they don't come out even."""
    try:
        rest = base64.b64decode(blob, validate=True)
    except ValueError:
        return []
    parts = []
    while rest:
        length = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + length:
            return []
        parts.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    return parts if len(parts) > 1 else []


_SSH_KEY = "a public SSH key such as 'ssh-ed25519 AAAA… name'"
_SSH_KEY_FORM = (
    r"(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|ssh-rsa) "
    r"[A-Za-z0-9+/=]{40,}(?: [^\n\r\0]*)?"
)
SshPublicKey = Annotated[str, Text(_SSH_KEY, _ssh_key, _SSH_KEY_FORM)]


def _command(value: str) -> str:
    """A command that a shell can read. Never quoted: it may hold a password."""
    if not re.fullmatch(_COMMAND_FORM, value, re.ASCII):
        raise ValueError(f"is not {_COMMAND}")
    try:
        shlex.split(value)
    except ValueError as error:
        what = "a quote is opened and not closed" if "quotation" in str(error) else "it ends in a backslash"
        raise ValueError(f"is not {_COMMAND}: {what}") from None
    return value


_COMMAND = "a command on one line"
_COMMAND_FORM = r"[^\n\r\0]*[^\s\0][^\n\r\0]*"
Command = Annotated[str, Text(_COMMAND, _command, _COMMAND_FORM)]


def _cidr(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=True)
    except ValueError:
        try:
            suggestion = str(ipaddress.ip_network(value, strict=False))
        except ValueError:
            raise ValueError(f"{shown(value)} is not {_CIDR}") from None
        raise ValueError(f"{shown(value)} has bits set behind its mask: write {suggestion}") from None
    if "/" not in value:
        raise ValueError(f"{shown(value)} has no mask: write {network}")
    return str(network)


_RFC_1918 = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _private_cidr(value: str) -> str:
    network = ipaddress.ip_network(_cidr(value))
    private = network.version == 4 and any(network.subnet_of(block) for block in _RFC_1918)
    if not private or not 16 <= network.prefixlen <= 28:
        raise ValueError(f"{shown(value)} is not {_PRIVATE_CIDR}")
    return str(network)


_CIDR = "an address range such as 203.0.113.7/32 or 10.100.0.0/20"
_PRIVATE_CIDR = "a private IPv4 range between /16 and /28 such as 10.100.0.0/20"
Cidr = Annotated[str, Text(_CIDR, _cidr)]
PrivateCidr = Annotated[str, Text(_PRIVATE_CIDR, _private_cidr)]
Schedule = Annotated[str, Text("a cron schedule in UTC such as '0 2 * * *'", check_schedule)]
"""A cron schedule of five fields, in UTC."""


Memory = Annotated[int, MEMORY]
"""An amount of memory in MiB, written 512Mi or 2Gi."""
Duration = Annotated[int, DURATION]
"""A duration in seconds, written 30s, 5m or 1h."""

_T = TypeVar("_T")
Many = Annotated[tuple[_T, ...], Strict(False)]
"""A list in the file, a tuple in the program."""


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _text_or_list(schema: dict[str, Any]) -> None:
    items = schema.pop("items")
    del schema["type"]
    schema["anyOf"] = [items, {"type": "array", "items": items}]


Commands = Annotated[Many[Command], BeforeValidator(_one_or_many), Field(json_schema_extra=_text_or_list)]
"""One command, or several that run one after the other."""
