"""Finds the Pulumi engine: on the PATH, else by its installer, else built from the module pinned in tools/engine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

from rehearsal.cache import cache_directory, locked
from rehearsal.model import CloudError

Progress = Callable[[str], None]

_OLDEST = (3, 200, 0)
_INSTALLER = "https://get.pulumi.com/"
_INSTALLER_PATIENCE = 4.0  # seconds to answer; where there is no way out it is refused at once or never
_BUILD_PATIENCE = 1800.0  # seconds; three minutes on two cores once the modules are there
_MODULE = Path(__file__).resolve().parent.parent / "tools" / "engine"
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


def find_engine(progress: Progress) -> Path:
    """The path of a `pulumi` program, 3.200 or newer. May take minutes the first time; says so through `progress`.

    CloudError when there is none on the PATH, the installer does not answer and Go is not installed.
    """
    on_path = shutil.which("pulumi")
    if on_path and _new_enough(Path(on_path)):
        return Path(on_path)
    pinned = pinned_version((_MODULE / "go.mod").read_text())
    # What was installed or built before is kept by the hash of what went into it.
    recipe = hashlib.sha256((_MODULE / "go.mod").read_bytes() + (_MODULE / "go.sum").read_bytes()).hexdigest()[:12]
    kept = cache_directory("engine", f"{pinned}-{recipe}")
    for program in (kept / "pulumi", kept / "installed" / "bin" / "pulumi"):
        if program.exists() and _new_enough(program):
            return program
    with locked(cache_directory("engine") / "lock", lambda: progress("waiting for the engine, which is being built")):
        if (kept / "pulumi").exists():
            return kept / "pulumi"
        installed = _installed(kept / "installed", pinned, progress)
        return installed or _built(kept / "pulumi", pinned, progress)


def pinned_version(go_mod: str) -> str:
    """The engine's version in the text of a go.mod, as v3.259.0."""
    found = re.search(r"^\s*(?:require\s+)?github\.com/pulumi/pulumi/pkg/v3\s+(v\d+\.\d+\.\d+)\b", go_mod, re.MULTILINE)
    if not found:
        raise CloudError("tools/engine/go.mod names no version of the engine")
    return found[1]


def version_of(text: str) -> tuple[int, int, int] | None:
    """The number in what `pulumi version` prints; None when it is none."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _new_enough(program: Path) -> bool:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        said = subprocess.run(
            [str(program), "version"], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = version_of(said.stdout)
    return said.returncode == 0 and version is not None and version >= _OLDEST


def _installed(directory: Path, version: str, progress: Progress) -> Path | None:
    """What Pulumi's own installer puts there; None when it does not answer."""
    try:
        with urllib.request.urlopen(_INSTALLER, timeout=_INSTALLER_PATIENCE):  # https, and a constant
            pass
    except OSError:
        return None
    progress(f"installing the engine {version}")
    from pulumi.automation import PulumiCommand  # heavy, and needed only here
    from semver import VersionInfo

    try:
        PulumiCommand.install(root=str(directory), version=VersionInfo.parse(version.removeprefix("v")))
    except Exception as error:  # whatever it was, there is another way
        progress(f"the installer failed ({type(error).__name__}), building instead")
        return None
    program = directory / "bin" / "pulumi"
    return program if _new_enough(program) else None


def _built(program: Path, version: str, progress: Progress) -> Path:
    """Built from the pinned module, written beside and renamed, so that nobody ever sees half an engine."""
    go = shutil.which("go")
    if go is None:
        raise CloudError(
            "there is no Pulumi engine: pulumi is not on the PATH, its installer does not answer, and Go, which could "
            "build it, is not installed"
        )
    progress(f"building the engine {version} with Go (about three minutes, once)")
    with tempfile.TemporaryDirectory(dir=program.parent) as work:
        partial = Path(work, "pulumi")
        done = subprocess.run(
            [
                go,
                "build",
                "-trimpath",
                "-ldflags",
                f"-s -w -X {_VERSION_VARIABLE}={version}",
                "-o",
                str(partial),
                _PACKAGE,
            ],
            cwd=_MODULE,
            env={**os.environ, "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_PATIENCE,
            check=False,
        )
        if done.returncode:
            raise CloudError(f"go build: {' · '.join(done.stderr.strip().splitlines()[-3:])}")
        if not _new_enough(partial):
            raise CloudError("the engine was built but does not answer `pulumi version`")
        partial.replace(program)
    return program
