"""The git repository that the rehearsal releases: the sample product, and the good and bad versions of it.

`main` holds the product as it is under examples/familyflow. Every variant is one commit on top of it, on a branch of
its own name, so that releasing one after another always starts from the same ground. Names, dates and file order are
fixed: the same product gives the same commits, on every machine.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "familyflow"
LEFT_OUT = frozenset(
    {".git", ".venv", ".env", "__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "node_modules", "dist"}
    | {"staticfiles"}
)
GOOD = "good"


class UnknownTextError(Exception):
    """A variant wanted to change a text that the product no longer holds, or holds twice."""


@dataclass(frozen=True)
class Variant:
    """One version of the product that differs from main, and what a release of it is expected to end in.

    `fails_at` is None where the release should succeed, else what should stop it: install, build, migrate, or health
    (the new slot never gets well).
    """

    message: str
    change: Callable[[Path], None]
    fails_at: str | None = None


def write_repository(directory: Path, sample: Path = SAMPLE) -> dict[str, str]:
    """Make a git repository in `directory`, absent or empty until now; the commit of `main` and of each variant.

    The work tree ends on main. Raises FileExistsError where the directory holds something, UnknownTextError where a
    variant no longer fits the product.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty")
    shutil.copytree(sample, directory, dirs_exist_ok=True, ignore=lambda _, names: LEFT_OUT.intersection(names))
    _git(directory, "init", "--quiet", "--template=", "--initial-branch=main")
    commits = {"main": _commit(directory, "Add FamilyFlow")}
    for name, variant in VARIANTS.items():
        _git(directory, "switch", "--quiet", "--create", name, "main")
        variant.change(directory)
        commits[name] = _commit(directory, variant.message)
    _git(directory, "switch", "--quiet", "main")
    return commits


def _commit(directory: Path, message: str) -> str:
    _git(directory, "add", "--all")
    _git(directory, "commit", "--quiet", "--message", message)
    return _git(directory, "rev-parse", "HEAD")


def _git(directory: Path, *arguments: str) -> str:
    """Run git with nothing of this machine's or this person's configuration, which would change the commits."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    fixed = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "FamilyFlow",
        "GIT_AUTHOR_EMAIL": "family@example.com",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00+00:00",
        "GIT_COMMITTER_NAME": "FamilyFlow",
        "GIT_COMMITTER_EMAIL": "family@example.com",
        "GIT_COMMITTER_DATE": "2026-01-01T00:00:00+00:00",
    }
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments], env=ours | fixed, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise UnknownTextError(f"{path.name} holds {old!r} {text.count(old)} times, not once")
    path.write_text(text.replace(old, new), encoding="utf-8")


def _version(version: str) -> Callable[[Path], None]:
    """A version that page and API both show: the backend's, the frontend's and the two together."""

    def change(root: Path) -> None:
        _replace(root / "backend/config/release.py", 'VERSION = "1.0.0"', f'VERSION = "{version}"')
        _replace(root / "frontend/src/main.ts", 'const VERSION = "1.0.0"', f'const VERSION = "{version}"')

    return change


def _migration(root: Path, name: str, operation: str, before: str = "") -> None:
    (root / f"backend/family/migrations/0002_{name}.py").write_text(
        "from django.db import migrations, models\n\n"
        f"{before}\n"
        "class Migration(migrations.Migration):\n"
        '    dependencies = [("family", "0001_first")]\n\n'
        f"    operations = [{operation}]\n",
        encoding="utf-8",
    )


def _health_fails(root: Path) -> None:
    _version("1.2.0")(root)
    _replace(
        root / "backend/family/views.py",
        "status=200 if healthy else 503",
        "status=500",
    )


def _migration_fails(root: Path) -> None:
    """It fails after it has changed the database, so that what a transaction takes back is seen too."""
    _version("1.3.0")(root)
    broken = 'def break_off(apps, schema_editor):\n    raise RuntimeError("this migration always fails")\n\n'
    column = 'migrations.AddField("note", "half", models.BooleanField(db_default=False))'
    _migration(root, "half", f"{column}, migrations.RunPython(break_off)", before=broken)


def _build_fails(root: Path) -> None:
    _version("1.4.0")(root)
    _replace(root / "frontend/package.json", "tsc --noEmit && vite build", "echo this build always fails >&2 && exit 1")


def _install_fails(root: Path) -> None:
    _version("1.5.0")(root)
    path = root / "backend/requirements.txt"
    path.write_text(path.read_text(encoding="utf-8") + "vine==0.0.0\n", encoding="utf-8")


def _worker_fails(root: Path) -> None:
    """The API is well, the worker ends as soon as it starts."""
    _version("1.6.0")(root)
    _replace(
        root / "backend/family/readiness.py",
        "    worker_init.connect(worker.hide, weak=False)\n",
        "    worker_init.connect(_end, weak=False)\n",
    )
    _replace(
        root / "backend/family/readiness.py",
        "def connect() -> None:\n",
        'def _end(**_: Any) -> None:\n    raise SystemExit("this worker always fails")\n\n\ndef connect() -> None:\n',
    )


def _slow_start(root: Path) -> None:
    """Ready six seconds late: less than PM2's listen_timeout of ten, more than nobody's waiting would survive."""
    _version("1.7.0")(root)
    _replace(
        root / "backend/config/wsgi.py",
        "application = get_wsgi_application()",
        "time.sleep(6)\napplication = get_wsgi_application()",
    )
    _replace(root / "backend/config/wsgi.py", "import os\n", "import os\nimport time\n")


def _additive_migration(root: Path) -> None:
    """A column that the database fills by itself: the old release, which knows nothing of it, goes on writing."""
    _version("1.8.0")(root)
    colour = 'models.CharField(max_length=20, db_default="yellow")'
    _replace(
        root / "backend/family/models.py",
        "    updated_at = models.DateTimeField()\n\n    class Meta:",
        f"    updated_at = models.DateTimeField()\n    colour = {colour}\n\n    class Meta:",
    )
    _replace(root / "backend/family/views.py", '"text", "writes")[:10]', '"text", "writes", "colour")[:10]')
    _migration(root, "colour", f'migrations.AddField("note", "colour", {colour})')


VARIANTS: dict[str, Variant] = {
    GOOD: Variant("Show version 1.1.0", _version("1.1.0")),
    "health-fails": Variant("Break the health endpoint", _health_fails, fails_at="health"),
    "migration-fails": Variant("Add a migration that fails", _migration_fails, fails_at="migrate"),
    "build-fails": Variant("Break the frontend's build", _build_fails, fails_at="build"),
    "install-fails": Variant("Require a package that does not exist", _install_fails, fails_at="install"),
    "worker-fails": Variant("Break the worker", _worker_fails, fails_at="health"),
    "slow-start": Variant("Start slowly", _slow_start),
    "additive-migration": Variant("Give notes a colour", _additive_migration),
}
