"""Property values as they travel between engine and plugin: structs with marks for secrets, unknowns and assets.

The signatures are the engine's own (github.com/pulumi/pulumi, sdk/go/common/resource/sig).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, not a password
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Properties = dict[str, Any]


class Unknown:
    """A value that only a real run will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the state keeps encrypted and nobody prints."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def unmarshal(struct: struct_pb2.Struct) -> Properties:
    """The properties of a request; secrets wrapped in `Secret`, unknowns as `UNKNOWN`, whole numbers as int."""
    return {key: _load(value) for key, value in struct.fields.items()}


def _load(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET:
            return Secret(_load(fields["value"]))
        return {key: _load(item) for key, item in fields.items()}
    if kind == "list_value":
        return [_load(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value == _UNKNOWN else value.string_value
    return value.bool_value if kind == "bool_value" else None


def marshal(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The reverse of `unmarshal`."""
    struct = struct_pb2.Struct()
    struct.update({key: _dump(value) for key, value in properties.items()})
    return struct


def _dump(value: Any) -> Any:
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": _dump(value.value)}
    if value is UNKNOWN:
        return _UNKNOWN
    if isinstance(value, Mapping):
        return {str(key): _dump(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dump(item) for item in value]
    return value


def plain(value: Any) -> Any:
    """The value without its secret marks: for comparing and for handing to the cloud, never for printing."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def holds(value: Any, found: Callable[[Any], bool]) -> bool:
    """Whether the value, or anything inside it, answers to `found`."""
    if found(value):
        return True
    if isinstance(value, Secret):
        return holds(value.value, found)
    if isinstance(value, Mapping):
        return any(holds(item, found) for item in value.values())
    return isinstance(value, (list, tuple)) and any(holds(item, found) for item in value)


def is_secret(value: Any) -> bool:
    """Whether any part of the value is secret."""
    return holds(value, lambda item: isinstance(item, Secret))


def is_unknown(value: Any) -> bool:
    """Whether any part of the value is not known yet."""
    return holds(value, lambda item: item is UNKNOWN)


def secret(value: Any) -> Secret:
    """The value as one secret, whatever was secret inside it."""
    return Secret(plain(value))
