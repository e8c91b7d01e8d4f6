"""YAML as strictly as a person would read it: a key that is there twice is a mistake, and no mistake is a traceback.

PyYAML silently takes the last of two equal keys, and its messages quote what they could not read, which may be a
secret. Here each mistake has a line and words of ours.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode
from yaml.parser import ParserError
from yaml.scanner import ScannerError

from settings.masking import shown
from settings.problems import Problem, SettingsError

_QUOTES = "put text that starts so in quotes"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which notes what is there twice or is no plain value, with its line."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.mistakes: list[tuple[int, str]] = []

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in lines:
                before = lines[key.value]
                self._note(key, f"the key {shown(key.value)} is on line {before} already, should be there once")
            lines.setdefault(key.value, key.start_mark.line + 1)
        return super().construct_mapping(node, deep)

    def plain(self, node: ScalarNode) -> Any:
        """A number or a date: what Python can't make of it is a mistake on its line."""
        try:
            if node.tag.endswith(":int"):
                return self.construct_yaml_int(node)
            return self.construct_yaml_float(node)
        except ValueError:
            self._note(node, "is no number that can be read, should be in quotes where it is text")
            return None

    def date(self, node: Node) -> None:
        """Pulumi's reader and this one disagree on dates, so there are none."""
        self._note(node, "is a date, should be in quotes: then it is text")

    def strange(self, node: Node) -> None:
        """A tag of YAML's beyond plain values."""
        self._note(node, f"has a tag (!…), should be a plain value: {_QUOTES}")

    def _note(self, node: Node, message: str) -> None:
        self.mistakes.append((node.start_mark.line + 1, message))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.plain)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.plain)
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
    loader = _Loader(text)
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        raise _syntax(path, text, error) from None
    except RecursionError:
        raise _error(path.name, "is nested too deeply, should be written flat") from None
    return content, [Problem(f"{path.name}:{line}", message) for line, message in loader.mistakes]


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
    return _error(where, f"is no valid YAML: an alias (*…), a tag (!…) or a second document (---); {_QUOTES}")


def _indentation(text: str, line: int) -> str:
    lines = text.splitlines()
    whole = lines[line - 1] if line <= len(lines) else ""
    return whole[: len(whole) - len(whole.lstrip())]
