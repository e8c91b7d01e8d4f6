"""Numbers with a unit, as people write them: 512Mi, 30s."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from settings.masking import shown


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, as text: what it is worth in the smallest unit."""

    expected: str
    units: tuple[tuple[str, int], ...]
    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": f"^{self.pattern}$", "patternErrorMessage": f"should be {self.expected}"}

    @property
    def pattern(self) -> str:
        """The form as a regular expression."""
        return f"[1-9][0-9]*(?:{'|'.join(unit for unit, _ in self.units)})"

    def read(self, value: Any) -> int:
        """What `value` is worth. Raises ValueError where it is no such quantity, or an absurd one."""
        match = re.fullmatch(r"([1-9][0-9]{0,8})([A-Za-z]+)", value, re.ASCII) if isinstance(value, str) else None
        worth = dict(self.units).get(match[2]) if match else None
        if match is None or worth is None:
            raise ValueError(f"{shown(value)} is not {self.expected}")
        if int(match[1]) * worth > self.most:
            raise ValueError(f"{shown(value)} is too much: at most {self.write(self.most)}")
        return int(match[1]) * worth

    def write(self, worth: int) -> str:
        """`worth` in the largest unit that divides it."""
        unit, size = max(((unit, size) for unit, size in self.units if worth % size == 0), key=lambda pair: pair[1])
        return f"{worth // size}{unit}"


MEMORY = Quantity("an amount of memory such as 512Mi or 2Gi", (("Mi", 1), ("Gi", 1024)), most=1024 * 1024)
DURATION = Quantity("a duration such as 30s, 5m or 1h", (("s", 1), ("m", 60), ("h", 3600)), most=24 * 3600)
