"""The sample product, as far as it can be judged without installing it: pins, lock file, code, what the README says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from rehearsal.product_repository import LEFT_OUT

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "familyflow"
FILES = sorted(
    path for path in EXAMPLE.rglob("*") if path.is_file() and not LEFT_OUT.intersection(path.relative_to(EXAMPLE).parts)
)
EXACT = re.compile(r"^[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*$")
DOCUMENTED = [
    "SUPABASE_DB_URL",
    "SUPABASE_URL",
    "SUPABASE_PROJECT_REF",
    "SUPABASE_ANON_KEY",
    "SUPABASE_SERVICE_ROLE_KEY",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "SECRET_KEY",
    "DEBUG",
    "ALLOWED_HOSTS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "SENTRY_DSN",
]


def read(path: str) -> str:
    return (EXAMPLE / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".py"], ids=lambda path: path.name)
def test_the_python_of_the_example_compiles(path: Path) -> None:
    compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)


def test_every_python_package_has_one_exact_version() -> None:
    lines = [line for line in read("backend/requirements.txt").splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not EXACT.match(line)] == []
    names = [line.split("==")[0].lower() for line in lines]
    assert len(names) == len(set(names))
    assert {"django", "gunicorn", "celery", "psycopg", "psycopg-binary", "redis"} <= set(names)


def test_the_lock_file_of_the_frontend_belongs_to_its_package_file() -> None:
    package = json.loads(read("frontend/package.json"))
    lock = yaml.safe_load(read("frontend/pnpm-lock.yaml"))
    locked = lock["importers"]["."]["devDependencies"]
    assert {name: entry["specifier"] for name, entry in locked.items()} == package["devDependencies"]
    for name, entry in locked.items():
        assert entry["version"].split("(")[0] == package["devDependencies"][name]
    assert re.fullmatch(r"pnpm@\d+\.\d+\.\d+", package["packageManager"])


def test_every_locked_package_is_named_by_its_hash_and_by_no_server() -> None:
    lock = yaml.safe_load(read("frontend/pnpm-lock.yaml"))
    assert lock["packages"]
    for name, entry in lock["packages"].items():
        assert set(entry["resolution"]) == {"integrity"}, name


def test_no_package_may_run_a_script_when_it_is_installed() -> None:
    """A script would download on the host, or wait to be approved on a terminal: a release has neither."""
    assert json.loads(read("frontend/package.json"))["pnpm"]["onlyBuiltDependencies"] == []


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_variable_of_the_document_is_read_from_the_environment(name: str) -> None:
    """FF7."""
    assert re.search(rf'environment\.\w+\("{name}"', read("backend/config/settings.py"))


def test_the_readme_lists_every_address_and_no_other() -> None:
    """Every address that the API serves is in the README, and nothing else."""
    served = set(re.findall(r'path\("(api/[^"]*)"', read("backend/config/urls.py")))
    told = set(re.findall(r"`(?:GET|POST) /(api/[^`?]*)", read("README.md")))
    assert {re.sub(r"<.*?>", "<id>", address) for address in served} == told
