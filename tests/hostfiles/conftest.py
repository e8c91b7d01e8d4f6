"""What the tests of the renderers share: the shipped stack, and programs that read what was rendered."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

from settings.stack import Settings
from tests.hostfiles.stacks import stack

Run = Callable[..., subprocess.CompletedProcess[str]]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
def familyflow() -> Settings:
    """FamilyFlow, as shipped."""
    return stack()


@pytest.fixture
def run() -> Run:
    """Runs a program that must be installed (tests/requirements-apt.txt) and returns what it said."""

    def start(program: str, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        found = shutil.which(program, path=PATH)
        assert found, f"{program} is not installed: `make tools` installs it"
        return subprocess.run(
            [found, *arguments], capture_output=True, text=True, timeout=60, env={"PATH": PATH, **options}, check=False
        )

    return start
