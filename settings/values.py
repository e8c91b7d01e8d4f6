"""The plain values of a stack file, each with the one-line message a person gets when it is wrong.

Every type here is `Annotated` with a validator whose message says what is wrong and what would be right; the key path is
put in front by `settings.problems`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from settings.cron import check_schedule


class Model(BaseModel):
    """The base of every block of a stack file: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _matching(pattern: str, expected: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value!r} is not {expected}")
        return value

    return AfterValidator(check)


_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]"

Name = Annotated[str, _matching(r"[a-z][a-z0-9-]{0,30}[a-z0-9]|[a-z]",
                                "a name: lower-case letters, digits and dashes, starting with a letter, at most 32")]
VariableName = Annotated[str, _matching(r"[A-Z][A-Z0-9_]*", "a variable name: capitals, digits and underscores")]
DomainName = Annotated[str, _matching(_DOMAIN, "a domain name such as app.example.com (no scheme, no path, lower case)")]
Email = Annotated[str, _matching(r"[^@\s]+@" + _DOMAIN, "an e-mail address such as ops@example.com")]
UrlPath = Annotated[str, _matching(r"/[A-Za-z0-9._~/-]*", "a path of a URL such as /api/health/")]
RelativePath = Annotated[str, _matching(r"\.|(?!\.\.?(/|$))[A-Za-z0-9._-]+(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)*",
                                        "a path inside the repository such as backend or frontend/dist")]
AbsolutePath = Annotated[str, _matching(r"(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)+", "an absolute path such as /var/lib/app")]
Commit = Annotated[str, _matching(r"[0-9a-f]{40}",
                                  "a whole commit: 40 hexadecimal digits as `git rev-parse HEAD` prints, no branch and no tag")]
ImageDigest = Annotated[str, _matching(
    r"[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}",
    "an image by digest such as ghcr.io/example/backend@sha256:… (a tag can move: resolve it with `docker buildx imagetools inspect`)")]
SshPublicKey = Annotated[str, _matching(
    r"(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|ssh-rsa) [A-Za-z0-9+/=]{40,}(?: [^\n]*)?",
    "a public SSH key such as 'ssh-ed25519 AAAA… name'")]
RepositoryUrl = Annotated[str, _matching(
    r"https://[A-Za-z0-9.-]+(?::\d+)?/[\w.~/-]+", "a repository's https URL such as https://github.com/example/app.git (without a user or token)")]
HttpsUrl = Annotated[str, _matching(r"https://[^\s@]+", "an https URL without a user or password")]
Port = Annotated[int, Field(ge=1024, le=63999)]
Command = Annotated[str, _matching(r"[^\n\r\0]*\S[^\n\r\0]*", "a command on one line")]


def _cidr(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=True)
    except ValueError:
        try:
            suggestion = str(ipaddress.ip_network(value, strict=False))
        except ValueError:
            raise ValueError(f"{value!r} is not an address range such as 203.0.113.7/32 or 10.10.0.0/20") from None
        raise ValueError(f"{value!r} has bits set behind its mask: write {suggestion}") from None
    if "/" not in value:
        raise ValueError(f"{value!r} has no mask: write {network}")
    return str(network)


Cidr = Annotated[str, AfterValidator(_cidr)]


def _private_cidr(value: str) -> str:
    network = ipaddress.ip_network(value)
    if network.version != 4 or not network.is_private or not 16 <= network.prefixlen <= 28:
        raise ValueError(f"{value!r} is not a private IPv4 range between /16 and /28 such as 10.10.0.0/20")
    return value


PrivateCidr = Annotated[Cidr, AfterValidator(_private_cidr)]

_MEMORY = re.compile(r"([1-9][0-9]*)(Mi|Gi)")
_DURATION = re.compile(r"([1-9][0-9]*)(s|m|h)")


def _memory(value: Any) -> int:
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not an amount of memory such as 512Mi or 2Gi")
    return int(match[1]) * (1024 if match[2] == "Gi" else 1)


def _duration(value: Any) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration such as 30s, 5m or 1h")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


Memory = Annotated[int, BeforeValidator(_memory), Field(json_schema_extra={"type": "string", "pattern": f"^{_MEMORY.pattern}$"})]
"""An amount of memory in MiB, written 512Mi or 2Gi."""
Duration = Annotated[int, BeforeValidator(_duration), Field(json_schema_extra={"type": "string", "pattern": f"^{_DURATION.pattern}$"})]
"""A duration in seconds, written 30s, 5m or 1h."""
Schedule = Annotated[str, AfterValidator(check_schedule)]
"""A cron schedule of five fields, in UTC."""


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Commands = Annotated[tuple[Command, ...], BeforeValidator(_one_or_many),
                     Field(json_schema_extra={"type": ["string", "array"], "items": {"type": "string"}})]
