"""Property values on Pulumi's wire -> plain Python and back, without an event loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from policies.graph import UNKNOWN

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the wire's mark of a secret, not one
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_MARK = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass
class Decoded:
    """Plain values, and the paths of those that are secret or not known yet."""

    values: dict[str, Any]
    secrets: set[str] = field(default_factory=set)
    unknowns: set[str] = field(default_factory=set)


def decode(struct: Struct) -> Decoded:
    """The properties of a resource."""
    decoded = Decoded({})
    for key, value in sorted(struct.fields.items()):
        decoded.values[key] = _decode(value, key, decoded)
    return decoded


def _decode(value: Value, path: str, into: Decoded) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        if value.string_value == UNKNOWN_MARK:
            into.unknowns.add(path)
            return UNKNOWN
        return value.string_value
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item, f"{path}[{index}]", into) for index, item in enumerate(value.list_value.values)]
    if kind == "struct_value":
        return _decode_struct(value.struct_value, path, into)
    return None


def _decode_struct(struct: Struct, path: str, into: Decoded) -> Any:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else None
    if signature == SECRET:
        into.secrets.add(path)
        return _decode(fields["value"], path, into)
    if signature == OUTPUT:
        if "secret" in fields and fields["secret"].bool_value:
            into.secrets.add(path)
        if "value" in fields:
            return _decode(fields["value"], path, into)
        into.unknowns.add(path)
        return UNKNOWN
    if signature == RESOURCE:
        return fields["urn"].string_value
    return {key: _decode(value, f"{path}.{key}", into) for key, value in sorted(fields.items()) if key != SIGNATURE}


def secret(value: Any) -> dict[str, Any]:
    """`value` marked as a secret."""
    return {SIGNATURE: SECRET, "value": value}


def answer(inputs: Struct, computed: Mapping[str, Any], secret_outputs: tuple[str, ...]) -> Struct:
    """What a resource's outputs are: its inputs, and over them what is computed; `secret_outputs` are marked."""
    outputs = Struct()
    outputs.CopyFrom(inputs)
    if computed:
        outputs.update({key: secret(value) if key in secret_outputs else value for key, value in computed.items()})
    for key in secret_outputs:
        if key in outputs.fields and key not in computed:
            plain = Value()
            plain.CopyFrom(outputs.fields[key])
            outputs.fields[key].Clear()
            outputs.fields[key].struct_value.fields[SIGNATURE].string_value = SECRET
            outputs.fields[key].struct_value.fields["value"].CopyFrom(plain)
    return outputs
