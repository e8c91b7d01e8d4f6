"""YAML as strictly as a person would read it: a key that is there twice is a mistake, and no mistake is a traceback.

PyYAML silently takes the last of two equal keys, and its messages quote what they could not read, which may be a
secret. Here each mistake has a line and words of ours.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.parser import ParserError
from yaml.scanner import ScannerError

from settings.masking import shown
from settings.problems import Problem, SettingsError, Unreadable

_QUOTES = "put text that starts so in quotes"
_OTHERS = {
    "another document": "a second document starts here (---), should be one: leave that line out",
    "undefined alias": f"an alias (*…) of nothing that has a name; {_QUOTES}",
    "tag handle": f"a tag (!…) that nothing says; {_QUOTES}",
}
"""What PyYAML says of the rest, and what a person reads of it."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which notes keys that are there twice; what is no plain value becomes an `Unreadable`."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.repeated: list[tuple[int, str]] = []

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                before = lines[key.value]
                message = f"the key {shown(key.value)} is on line {before} already, should be there once"
                self.repeated.append((line, message))
            lines.setdefault(key.value, line)
        return super().construct_mapping(node, deep)

    def number(self, node: ScalarNode) -> Any:
        """A number, where Python can make one of it and a person reads the same one."""
        if re.fullmatch(r"[-+]?0[0-7_]+", node.value):
            why = f"starts with 0, which makes it {int(node.value.replace('_', ''), 8)} in YAML (octal)"
            return Unreadable(f"{why}, should be without the 0, or in quotes where it is text")
        if ":" in node.value:
            return Unreadable("is a number to the base 60 in YAML, should be in quotes: then it is text")
        try:
            return self.construct_yaml_int(node) if node.tag.endswith(":int") else self.construct_yaml_float(node)
        except ValueError:
            return Unreadable("is no number that can be read, should be in quotes where it is text")

    def date(self, node: Node) -> Unreadable:
        """Pulumi's reader and this one disagree on dates, so there are none."""
        return Unreadable("is a date, should be in quotes: then it is text")

    def strange(self, node: Node) -> Unreadable:
        """A tag of YAML's beyond plain values."""
        return Unreadable(f"has a tag (!…), should be a plain value: {_QUOTES}")


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.date)
for _tag in ("binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.strange)
_Loader.add_constructor(None, _Loader.strange)


def read_yaml(path: Path) -> tuple[Any, list[Problem]]:
    """What the file at `path` holds, and the mistakes that leave it readable.

    Raises SettingsError where it is no YAML, FileNotFoundError where it is not there.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _error(path.name, "is no text in UTF-8, should be saved as UTF-8") from None
    except (IsADirectoryError, PermissionError) as error:
        raise _error(path.name, f"cannot be read: {error.strerror}") from None
    try:
        loader = _Loader(text)
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        raise _syntax(path, text, error) from None
    except RecursionError:
        raise _error(path.name, "is nested too deeply, should be written flat") from None
    return content, [Problem(f"{path.name}:{line}", message) for line, message in loader.repeated]


def _error(where: str, message: str) -> SettingsError:
    return SettingsError([Problem(where, message)])


def _syntax(path: Path, text: str, error: yaml.YAMLError) -> SettingsError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _error(path.name, "is no valid YAML: it has a character that no text has, such as a control character")
    line = mark.line + 1
    where = f"{path.name}:{line}"
    if "\t" in _indentation(text, line):
        return _error(where, "is indented with a tab, should be indented with spaces")
    if isinstance(error, ScannerError):
        if str(error.problem).endswith("that cannot start any token"):
            return _error(where, f"is no valid YAML: {error.problem}; {_QUOTES}")
        return _error(where, f"is no valid YAML: {error.problem}")
    if isinstance(error, ParserError) and str(error.problem).startswith("expected "):
        return _error(
            where, f"is no valid YAML: {error.problem}; look at the indentation, brackets and quotes before it"
        )
    if isinstance(error, ConstructorError):
        return _error(where, "has a key that is no text, should be a name")
    said = str(getattr(error, "problem", ""))
    what = next((told for sign, told in _OTHERS.items() if sign in said), said)
    return _error(where, f"is no valid YAML: {what}")


def _indentation(text: str, line: int) -> str:
    lines = text.splitlines()
    whole = lines[line - 1] if line <= len(lines) else ""
    return whole[: len(whole) - len(whole.lstrip())]
