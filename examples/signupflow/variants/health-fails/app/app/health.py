"""Nothing is well, whatever answers."""

from collections.abc import Callable


class Health:
    def __init__(self, checks: dict[str, Callable[[], None]]) -> None:
        self._checks = checks

    def look(self) -> dict[str, str]:
        return dict.fromkeys(self._checks, "this version is never well")


def healthy(answers: dict[str, str]) -> bool:
    return False
