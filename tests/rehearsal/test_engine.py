"""Where the engine comes from."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rehearsal import engine
from rehearsal.model import CloudError


def program(path: Path, version: str) -> Path:
    """A pulumi that says this version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty PATH and cache, and no installer that answers; the directory of its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(engine, "_installed", lambda *_: None)
    return tmp_path / "bin"


def test_a_new_enough_engine_on_the_path_is_taken(bare_machine: Path) -> None:
    ours = program(bare_machine / "pulumi", "v3.200.0")
    assert engine.find_engine(print) == ours


@pytest.mark.parametrize("version", ["v3.199.9", "nonsense"])
def test_an_engine_that_is_too_old_or_none_is_not(bare_machine: Path, version: str) -> None:
    program(bare_machine / "pulumi", version)
    with pytest.raises(CloudError, match="Go, which could build it, is not installed"):
        engine.find_engine(print)


def test_it_is_built_once_from_the_pinned_module_and_kept(bare_machine: Path) -> None:
    pinned = engine.pinned_version((engine._MODULE / "go.mod").read_text())
    log = bare_machine.parent / "builds"
    # A stand-in for Go: it writes an engine of the version that it was asked for to where it was asked to.
    go = program(bare_machine / "go", "")
    go.write_text(
        f"""#!/bin/sh
echo "$@" >> {log}
for word; do
    case $last in -o) out=$word ;; esac
    case $word in *Version=*) version=${{word##*Version=}} ;; esac
    last=$word
done
printf '#!/bin/sh\\necho %s\\n' "$version" > "$out"
/bin/chmod 755 "$out"
"""
    )
    said: list[str] = []
    built = engine.find_engine(said.append)
    assert engine.find_engine(said.append) == built
    assert pinned in str(built)
    assert len(log.read_text().splitlines()) == 1
    assert said == [f"building the engine {pinned} with Go (about three minutes, once)"]


def test_a_build_that_fails_leaves_nothing_and_says_why(bare_machine: Path) -> None:
    go = program(bare_machine / "go", "")
    go.write_text("#!/bin/sh\necho 'no such module' >&2\nexit 1\n")
    with pytest.raises(CloudError, match="go build: no such module"):
        engine.find_engine(lambda line: None)
    assert not list((bare_machine.parent / "cache").rglob("pulumi"))


def test_versions_are_read() -> None:
    assert engine.version_of("v3.259.0\n") == (3, 259, 0)
    assert engine.version_of("3.10.1-dev") == (3, 10, 1)
    assert engine.version_of("pulumi") is None
    assert engine.pinned_version("require (\n\tgithub.com/pulumi/pulumi/pkg/v3 v3.259.0\n)") == "v3.259.0"
    with pytest.raises(CloudError, match="names no version"):
        engine.pinned_version("module x")
