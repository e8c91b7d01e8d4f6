"""nginx and the routes of the release that serves: it is reloaded for others, and only for others."""

from __future__ import annotations

import re
from pathlib import Path

from . import durable
from .release_config import Layout
from .run import HostError, run

CONFIG = Path("/etc/nginx/nginx.conf")
_INCLUDE = re.compile(r"include \S+/site\[\.\]conf;")


class Nginx:
    """The host's nginx, which reads the routes of whatever `serving` leads to."""

    def __init__(self, layout: Layout, config: Path = CONFIG) -> None:
        self.layout = layout
        self.config = config
        self.owed = layout.state / "routes-changed"
        """There while nginx may have other routes than what serves: a crash may come before the reload."""

    def check(self, site: Path) -> None:
        """HostError if nginx would not take `site`: asked with a copy of its configuration that includes that one."""
        text, found = _INCLUDE.subn(lambda _: f'include "{site}";', self.config.read_text(encoding="utf-8"))
        if not found:
            raise HostError(f"{self.config} does not include a release's routes: `slipway apply` comes first")
        if not site.is_file():
            raise HostError(f"{site} is not there: that release was made before releases had routes")
        copy = self.layout.state / "nginx-check.conf"
        durable.write(copy, text)
        try:
            _test("-c", str(copy))
        finally:
            copy.unlink()

    def expect(self, home: Path | None) -> None:
        """The release in `home` is about to serve (None: nothing is): remember it if that changes nginx's routes."""
        if _routes(home) != _routes(self.layout.serving):
            durable.write(self.owed, "")

    def follow(self, runs: bool = True) -> None:
        """Reload nginx if its routes have changed, after a test. One that does not run reads them when it starts."""
        if not self.owed.exists():
            return
        if runs:
            _test()
            run(["systemctl", "try-reload-or-restart", "nginx.service"], timeout=120)
        durable.remove(self.owed)


def _routes(home: Path | None) -> str | None:
    try:
        return (home / "site.conf").read_text(encoding="utf-8") if home is not None else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def _test(*options: str) -> None:
    try:
        run(["nginx", "-t", "-q", *options], timeout=60)
    except HostError as error:
        told = [line for line in error.tail if "[emerg]" in line] or [error.reason]
        raise HostError(f"nginx does not take its configuration: {told[0]}", error.tail) from None
