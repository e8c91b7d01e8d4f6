"""The source of one commit: a bare mirror that is fetched into, and a checkout per release, without a repository."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from .commands import Commands
from .run import HostError

COMMIT = re.compile(r"[0-9a-f]{40}")
FETCH_SECONDS = 600
TOKEN = Path("/etc/slipway/source-token")
"""May read the repository, where that is private. Only root can read it; git gets it for the fetch, builds never do."""


class Source:
    """The product's repository at `url`, mirrored in `mirror`. All of git runs as the service user."""

    def __init__(self, commands: Commands, mirror: Path, url: str, token: Path = TOKEN) -> None:
        self.commands = commands
        self.token = token
        self.mirror = mirror
        self.url = url

    def fetch(self, commit: str) -> None:
        """Have `commit` in the mirror; HostError if the repository does not have it."""
        if not COMMIT.fullmatch(commit):
            raise HostError(f"{commit!r} is not a commit: 40 hexadecimal digits")
        if not (self.mirror / "HEAD").exists():
            self._git("init", "--quiet", "--bare", ".", what="git init")
        if self._has(commit):
            return
        try:
            self._fetch(commit)
        except HostError:  # servers may refuse a bare commit; all branches and tags have it if anything has
            self._fetch("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        if not self._has(commit):
            raise HostError(f"the repository has no commit {commit}")

    def check_out(self, commit: str, target: Path) -> None:
        """Put the files of `commit` into the empty directory `target`."""
        index = target / ".slipway-index"
        environment = self._environment() | {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(target)}
        self._git("read-tree", commit, what="git read-tree", environment=environment)
        self._git("checkout-index", "--all", "--force", what="git checkout-index", environment=environment)
        index.unlink(missing_ok=True)
        if (target / ".gitmodules").exists():
            raise HostError("the source has submodules (.gitmodules), which are not fetched: vendor them")

    def _has(self, commit: str) -> bool:
        code, _, _ = self.commands.output(
            ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=self.mirror, environment=self._environment()
        )
        return code == 0

    def _fetch(self, *what: str) -> None:
        arguments = ("fetch", "--quiet", "--no-auto-gc", "--end-of-options", self.url, *what)
        environment = self._environment() | self._credentials()
        self._git(*arguments, what=f"git fetch {what[0]}", environment=environment)

    def _credentials(self) -> dict[str, str]:
        """The token as a setting in git's environment: in no command line, and in no file of the service user's.

        Git runs as the service user, so what the product's own build runs could get at it: it should be a token that
        reads this repository and nothing else (docs/operations.md).
        """
        try:
            token = self.token.read_text("ascii").strip()
        except FileNotFoundError:
            return {}
        header = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {header}",
        }

    def _git(self, *arguments: str, what: str, environment: dict[str, str] | None = None) -> None:
        self.commands.logged(
            ["git", "-c", "core.hooksPath=/dev/null", *arguments],
            what=what,
            cwd=self.mirror,
            environment=environment or self._environment(),
            timeout=FETCH_SECONDS,
        )

    def _environment(self) -> dict[str, str]:
        """A missing password must fail, not ask; neither hooks in the mirror nor anybody's settings run programs."""
        return self.commands.base() | {
            "GIT_DIR": str(self.mirror),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        }
