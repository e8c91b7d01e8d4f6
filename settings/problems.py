"""What is wrong with a stack file: one line for each mistake, with its key path, all at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from settings.masking import masked, may_be_secret, shown


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: where it is, what is wrong, what would be right. It is one line, without a secret of known shape."""

    path: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", masked(self.path))
        object.__setattr__(self, "message", masked(self.message))

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"

    def is_below(self, path: str) -> bool:
        """Whether it is about `path` itself or something in it."""
        return self.path == path or self.path.startswith((f"{path}.", f"{path}["))


@dataclass(frozen=True)
class Unreadable:
    """Stands in a block for a value that YAML has and a stack file has not. `message` is what a person reads of it."""

    message: str


class SettingsError(Exception):
    """A stack file with mistakes. Its text is one line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the known word that was probably meant, or the list of them."""
    choices = sorted(choice for choice in known if not may_be_secret(choice))
    near = [] if may_be_secret(word) else difflib.get_close_matches(word[:80], choices, n=1, cutoff=0.6)
    if near:
        return f"did you mean {shown(near[0])}?"
    return f"known here: {', '.join(choices)}" if choices else "there is none yet: add it"
