"""The stand-in for pulumi-random: values made once, and again when a keeper changes."""

from __future__ import annotations

import base64
import random
import secrets
import string
import uuid
from typing import Any, ClassVar

import bcrypt

from rehearsal.provider.resource import Context, Failure, Resource
from rehearsal.provider.values import UNKNOWN, Properties

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_KINDS = {"lower": string.ascii_lowercase, "upper": string.ascii_uppercase, "numeric": string.digits}
_COUNTS = {"lower": "minLower", "upper": "minUpper", "numeric": "minNumeric", "special": "minSpecial"}


class RandomString(Resource):
    """`random:index/randomString:RandomString`: its result is no secret."""

    token = "random:index/randomString:RandomString"  # noqa: S105
    required = ("length",)
    optional = ("keepers", "lower", "upper", "numeric", "number", "special", "overrideSpecial", *_COUNTS.values())
    computed: ClassVar[tuple[str, ...]] = ("result",)
    defaults: ClassVar[dict[str, Any]] = {**dict.fromkeys(_COUNTS, True), **dict.fromkeys(_COUNTS.values(), 0)}

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        minima = [inputs[name] for name in _COUNTS.values()]
        if UNKNOWN in (*minima, inputs["length"]):
            return []
        if inputs["length"] < 1:
            return [Failure("length", f"Attribute length value must be at least 1, got: {inputs['length']}")]
        if inputs["length"] < sum(minima):
            return [
                Failure("length", f"Attribute length value must be at least sum of minimums, got: {inputs['length']}")
            ]
        return []

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        result = _characters(inputs)
        return result, {"result": result}


class RandomPassword(RandomString):
    """`random:index/randomPassword:RandomPassword`: result and hash are secrets, the id says nothing."""

    token = "random:index/randomPassword:RandomPassword"  # noqa: S105
    computed = ("result", "bcryptHash")
    secret_outputs = ("result", "bcryptHash")

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        result = _characters(inputs)
        # bcrypt looks at 72 bytes; the real provider cuts there too
        digest = bcrypt.hashpw(result.encode()[:72], bcrypt.gensalt(rounds=10)).decode()
        return "none", {"result": result, "bcryptHash": digest}


class RandomId(Resource):
    """`random:index/randomId:RandomId`."""

    token = "random:index/randomId:RandomId"  # noqa: S105
    required = ("byteLength",)
    optional = ("keepers", "prefix")
    computed = ("b64Std", "b64Url", "dec", "hex")

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        value, prefix = secrets.token_bytes(int(inputs["byteLength"])), inputs.get("prefix", "")
        identifier = base64.urlsafe_b64encode(value).decode().rstrip("=")
        outputs = {
            "b64Std": prefix + base64.b64encode(value).decode(),
            "b64Url": prefix + identifier,
            "dec": prefix + str(int.from_bytes(value, "big")),
            "hex": prefix + value.hex(),
        }
        return identifier, outputs


class RandomUuid(Resource):
    """`random:index/randomUuid:RandomUuid`."""

    token = "random:index/randomUuid:RandomUuid"  # noqa: S105
    optional = ("keepers",)
    computed = ("result",)

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        result = str(uuid.uuid4())
        return result, {"result": result}


def _characters(inputs: Properties) -> str:
    kinds = {**_KINDS, "special": inputs.get("overrideSpecial") or _SPECIAL}
    allowed = "".join(characters for name, characters in kinds.items() if inputs.get(name, True))
    chosen = [secrets.choice(kinds[name]) for name, count in _COUNTS.items() for _ in range(int(inputs[count]))]
    chosen += [secrets.choice(allowed) for _ in range(int(inputs["length"]) - len(chosen))]
    random.SystemRandom().shuffle(chosen)
    return "".join(chosen)


RESOURCES = (RandomPassword(), RandomString(), RandomId(), RandomUuid())
