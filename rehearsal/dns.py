"""The names of the rehearsal, as dnsmasq reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from rehearsal.model import CloudError, Record

_LABEL = r"\w([\w-]{0,61}\w)?"
_NAME = re.compile(rf"^(\*\.)?({_LABEL}\.)*{_LABEL}$", re.ASCII)
_CAA = re.compile(r'^(?P<flags>\d+)\s+(?P<tag>[a-z]+)\s+"?(?P<value>[^"]*)"?$')


def configuration(records: Mapping[str, Sequence[Record]]) -> str:
    """Lines of a dnsmasq.conf that answer these records, and nothing else for these names. CloudError for a bad one."""
    lines = []
    for name in sorted(records):
        if not _NAME.match(name):
            raise CloudError(f"DNS: {name!r} is no name")
        base = name.removeprefix("*.")
        lines.append(f"local=/{base}/")  # nobody else is asked about it, whatever the type
        for record in records[name]:
            lines.append(_line(name, record))
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _line(name: str, record: Record) -> str:
    value = record.value.strip()
    if "\n" in value:
        raise CloudError(f"DNS: the {record.type} record of {name} has more than one line")
    if record.type in ("A", "AAAA"):
        return _address(name, record.type, value)
    target = value.rstrip(".")
    if record.type == "CNAME":
        return f"cname={name},{target}"
    if record.type == "TXT":
        return f"txt-record={name},{_quoted(value)}"
    if record.type == "MX":
        preference, space, exchange = target.partition(" ")
        return f"mx-host={name},{exchange.strip()},{preference}" if space else f"mx-host={name},{target},10"
    if record.type == "SRV":
        return f"srv-host={name},{_service(name, target)}"
    if record.type == "NS":
        return f"dns-rr={name},2,{_wire_name(target)}"
    if record.type == "CAA":
        return f"dns-rr={name},257,{_wire_caa(name, value)}"
    raise CloudError(f"DNS: {name} has a record of type {record.type}, which this resolver does not know")


def _service(name: str, value: str) -> str:
    """From `priority weight port target` to what dnsmasq wants."""
    words = value.split()
    if len(words) != 4 or not all(word.isdecimal() for word in words[:3]):
        raise CloudError(f"DNS: the SRV record of {name} is not `priority weight port target`: {value!r}")
    priority, weight, port, target = words
    return f"{target},{port},{priority},{weight}"


def _address(name: str, kind: str, value: str) -> str:
    try:
        address = ip_address(value)
    except ValueError as error:
        raise CloudError(f"DNS: the {kind} record of {name} is no address: {value!r}") from error
    if address.version != (4 if kind == "A" else 6):
        raise CloudError(f"DNS: {value} does not fit the {kind} record of {name}")
    if name.startswith("*."):
        return f"address=/{name.removeprefix('*.')}/{address}"
    return f"host-record={name},{address}"


def _quoted(text: str) -> str:
    text = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    parts = [text[start : start + 255] for start in range(0, len(text), 255)] or [""]
    return ",".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)


def _wire_name(name: str) -> str:
    return "".join(f"{len(label):02x}{label.encode().hex()}" for label in name.split(".")) + "00"


def _wire_caa(name: str, value: str) -> str:
    matched = _CAA.match(value)
    if not matched:
        raise CloudError(f'DNS: the CAA record of {name} is not `flags tag "value"`: {value!r}')
    tag, text = matched["tag"].encode(), matched["value"].encode()
    return bytes([int(matched["flags"]), len(tag)]).hex() + tag.hex() + text.hex()
