"""The repository that the rehearsal releases: the sample product and its variants."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

from rehearsal.product_repository import SAMPLE, VARIANTS, UnknownTextError, write_repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    directory = tmp_path_factory.mktemp("product") / "repository"
    return directory, write_repository(directory)


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def test_there_is_one_commit_for_main_and_one_for_each_variant(repository: tuple[Path, dict[str, str]]) -> None:
    directory, commits = repository
    assert set(commits) == {"main", *VARIANTS}
    assert len(set(commits.values())) == len(commits)
    for name, commit in commits.items():
        assert git(directory, "rev-parse", name).strip() == commit


def test_every_variant_is_a_child_of_main(repository: tuple[Path, dict[str, str]]) -> None:
    directory, commits = repository
    for name in VARIANTS:
        assert git(directory, "rev-parse", f"{name}^").strip() == commits["main"]


def test_the_same_product_gives_the_same_commits(
    repository: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody else")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert write_repository(tmp_path / "again") == repository[1]


def test_main_is_the_sample_product_without_what_was_built_in_it(repository: tuple[Path, dict[str, str]]) -> None:
    directory, _ = repository
    held = set(git(directory, "ls-tree", "-r", "--name-only", "main").split())
    assert {"backend/manage.py", "backend/requirements.txt", "frontend/pnpm-lock.yaml"} <= held
    assert not [path for path in held if {"node_modules", "dist", "__pycache__", "staticfiles"} & set(path.split("/"))]
    assert all((SAMPLE / path).is_file() for path in held)
    assert git(directory, "status", "--porcelain") == ""


def test_every_variant_shows_a_version_of_its_own_on_the_page_and_in_the_api(
    repository: tuple[Path, dict[str, str]],
) -> None:
    directory, commits = repository
    shown = set()
    for name in commits:
        backend = git(directory, "show", f"{name}:backend/config/release.py").split('VERSION = "')[1].split('"')[0]
        frontend = git(directory, "show", f"{name}:frontend/src/main.ts").split('VERSION = "')[1].split('"')[0]
        assert backend == frontend
        shown.add(backend)
    assert len(shown) == len(commits)


def test_every_variant_is_still_valid_python_and_json(repository: tuple[Path, dict[str, str]]) -> None:
    directory, commits = repository
    for name in commits:
        for path in git(directory, "diff", "--name-only", "main", name).split():
            text = git(directory, "show", f"{name}:{path}")
            if path.endswith(".py"):
                ast.parse(text)
            if path.endswith(".json"):
                json.loads(text)


def test_only_the_variants_with_a_migration_bring_one(repository: tuple[Path, dict[str, str]]) -> None:
    directory, _ = repository
    bring = {name for name in VARIANTS if "migrations/0002_" in git(directory, "diff", "--name-only", "main", name)}
    assert bring == {"migration-fails", "additive-migration"}


def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(FileExistsError):
        write_repository(tmp_path)
    assert (tmp_path / "mine").read_text() == "keep"


def test_a_product_that_a_variant_no_longer_fits_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    sample = tmp_path / "sample"
    (sample / "backend/config").mkdir(parents=True)
    (sample / "backend/config/release.py").write_text('VERSION = "2.0.0"\n')
    with pytest.raises(UnknownTextError, match=r"release\.py"):
        write_repository(tmp_path / "repository", sample)
