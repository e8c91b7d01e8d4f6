"""The commands that a move prints, run by a shell with stand-ins for ssh, docker, make and pulumi."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plan.moving import sides
from plan.moving.derive import make_move
from plan.moving.move import Move
from tests.plan.moving.moves import devora, to_another

ROOT = Path(__file__).parents[3]
STAND_INS = {
    # ssh gives the remote shell its words joined by spaces
    "ssh": 'echo "ssh $1" >> "$LOG"; shift; exec sh -c "$*"',
    "sudo": 'exec "$@"',
    "docker": """echo "docker $*" >> "$LOG"
case "$*" in *mongodump*|*pg_dump*) [ -z "$BROKEN" ] || exit 3; echo archive ;;
*mongorestore*|*pg_restore*) sed "s/^/restored /" >> "$LOG" ;;
ps*) printf '4f3a\\n5b2c\\n' ;; esac""",
    "make": 'echo "make $*" >> "$LOG"; [ -z "$UNREACHABLE" ]',
    "rclone": 'echo "rclone $* $RCLONE_S3_ENDPOINT $RCLONE_S3_ACCESS_KEY_ID $RCLONE_S3_SECRET_ACCESS_KEY" >> "$LOG"',
    "pulumi": """echo "pulumi $*" >> "$LOG"
case "$*" in *"output login"*) echo ssh ops@192.0.2.1 ;; *"output address"*) echo 192.0.2.9 ;;
*"output hosts"*) echo '{"vulcan-prod-1": "192.0.2.1", "vulcan-prod-2": "192.0.2.2", "vulcan-prod-data-1": "192.0.2.3"}'
;; esac""",
    "tar": '/bin/tar "$@"; told=$?; [ "$1" = c ] && exit "${PACKED:-$told}"; exit "$told"',
    **dict.fromkeys(("curl", "apt-get", "slipway"), 'echo "$(basename "$0") $*" >> "$LOG"'),
}


class Shell:
    """A shell on a machine where only the stand-ins' files are: every absolute path is below `root`."""

    def __init__(self, root: Path) -> None:
        self.root, self.log = root, root / "log"
        (root / "bin").mkdir()
        for name, body in STAND_INS.items():
            path = root / "bin" / name
            path.write_text(f"#!/bin/bash\n{body}\n")
            path.chmod(0o755)

    def run(self, *commands: str, **variables: str) -> subprocess.CompletedProcess[str]:
        script = "set -e\n" + "\n".join(commands)
        for place in ("/opt/", "/root/", "/etc/", "-C / "):
            script = script.replace(place, f"-C {self.root}/ " if place == "-C / " else f"{self.root}{place}")
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}", "LOG": str(self.log)}
        environment |= {"HOME": str(self.root), "OLD": "192.0.2.1", "NEW": "192.0.2.2", "AT": "192.0.2.9", **variables}
        return subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, check=False)

    def write(self, path: str, content: str) -> Path:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return target

    def did(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    root = tmp_path / "machine"
    root.mkdir()
    return Shell(root)


def all_commands(move: Move) -> list[str]:
    return [command for step in move.steps for command in step.commands]


@pytest.fixture
def prepared(shell: Shell) -> tuple[Shell, Move]:
    """What the hosts of Devora's two sides have."""
    move = make_move("devora-vps", "devora-fleet")
    shell.write("/opt/devora/data/_volumes/uploads/a b.png", "picture")
    shell.write("/opt/devora/env/backend.env", "AWS_ACCESS_KEY_ID='an id'\nAWS_SECRET_ACCESS_KEY='k$y'\n")
    shell.write("/etc/letsencrypt/live/devora.ai/fullchain.pem", "certificate")
    for place in (".ssh", "root/moving"):
        (shell.root / place).mkdir(parents=True)
    return shell, move


def test_all_of_them_run_in_their_order(prepared: tuple[Shell, Move]) -> None:
    shell, move = prepared
    ran = shell.run(*all_commands(move))
    assert ran.returncode == 0, ran.stderr
    did = shell.did()
    places = [
        next(index for index, line in enumerate(did) if line.startswith(start))
        for start in (
            "pulumi stack select --create devora-fleet",
            "pulumi config set --path slipway:dns.records false -s devora-fleet",
            "pulumi up -s devora-fleet",
            "rclone copy ",
            "slipway certificate --install",
            "restored archive",
            "curl --fail --connect-to ::192.0.2.9: https://devora.ai/api/",
            "make read-only STACK=devora-vps ON=1",
            "pulumi config rm --path slipway:dns.records -s devora-fleet",
            "pulumi config set --path slipway:dns.records false -s devora-vps",
            "pulumi destroy -s devora-vps --exclude-protected",
            "pulumi stack rm devora-vps",
        )
    ]
    assert places == sorted(places)
    assert did.count("restored archive") == 2


def test_files_reach_the_bucket_with_the_key_that_the_host_has(prepared: tuple[Shell, Move]) -> None:
    shell, move = prepared
    (uploads,) = [one for one in move.data if one.name == "uploads"]
    ran = shell.run(*uploads.first, uploads.defined, uploads.brings)
    assert ran.returncode == 0, ran.stderr
    assert (shell.root / "root/moving/a b.png").read_text() == "picture"
    copied = f"rclone copy {shell.root}/root/moving :s3:devora-fleet-uploads nyc3.digitaloceanspaces.com an id k$y"
    assert copied in shell.did()


def test_a_dump_that_fails_stops_the_cutover_before_the_names_move(prepared: tuple[Shell, Move]) -> None:
    shell, move = prepared
    functions = [one.defined for one in move.data]
    shell.run(*functions, *move.steps[5].commands, BROKEN="yes")
    assert "make read-only STACK=devora-vps ON=1" in shell.did()
    assert "pulumi" not in shell.log.read_text()
    shell.run(*functions, *move.steps[5].commands)
    first = next(line for line in shell.did() if "dns.records" in line)
    assert first == "pulumi config rm --path slipway:dns.records -s devora-fleet"


def test_files_that_can_not_be_read_stop_the_cutover_too(prepared: tuple[Shell, Move]) -> None:
    shell, move = prepared
    shutil.rmtree(shell.root / "opt/devora/data")
    shell.run(*(one.defined for one in move.data), *move.steps[5].commands)
    assert "restored archive" in shell.log.read_text()
    assert "rclone" not in shell.log.read_text()
    assert "pulumi" not in shell.log.read_text()


@pytest.mark.parametrize(("packed", "copies"), [("1", True), ("2", False)])
def test_files_that_come_and_go_while_they_are_read_stop_nothing(
    prepared: tuple[Shell, Move], packed: str, copies: bool
) -> None:
    """tar ends with 1 where a file changed while it read, and with 2 where it could not read one."""
    shell, move = prepared
    (uploads,) = [one for one in move.data if one.name == "uploads"]
    ran = shell.run(uploads.defined, uploads.brings, PACKED=packed)
    assert (ran.returncode == 0) is copies
    assert any(line.startswith("rclone copy ") for line in (shell.did() if shell.log.exists() else ())) is copies


def test_shut_makes_the_old_side_read_only_and_reopen_undoes_it(prepared: tuple[Shell, Move]) -> None:
    shell, move = prepared
    assert shell.run(*sides.shutting(move.before), "shut", "reopen").returncode == 0
    assert shell.did() == ["make read-only STACK=devora-vps ON=1", "make read-only STACK=devora-vps ON=0"]


def test_workers_are_stopped_on_each_host_of_a_fleet_that_serves(shell: Shell, tmp_path: Path) -> None:
    """And started again by what was stopped; those that were not running stay so."""
    worker = {"role": "worker", "image": "backend", "command": "work", "ready": "true", "memory": "64Mi"}

    def with_worker(blocks: dict[str, Any]) -> None:
        blocks["product"]["services"]["mailer"] = worker
        blocks.pop("budget", None)

    move = to_another(tmp_path, "prod", with_worker, with_worker)
    (shell.root / "root").mkdir()
    ran = shell.run(*sides.shutting(move.before), "shut", "reopen")
    assert ran.returncode == 0, ran.stderr
    did = [line for line in shell.did() if not line.startswith("docker ps")]
    hosts, ids = ["ssh ops@192.0.2.1", "ssh ops@192.0.2.2"], "4f3a 5b2c"
    asked = ["pulumi stack output hosts -s prod --json"]
    stopped, started = ([[host, f"docker {what} {ids}"] for host in hosts] for what in ("stop", "start"))
    assert did == [
        "make read-only STACK=prod ON=1", *asked, *(line for pair in stopped for line in pair),
        "make read-only STACK=prod ON=0", *asked, *(line for pair in started for line in pair),
    ]  # fmt: skip


def test_a_host_that_can_not_be_shut_stops_the_cutover(prepared: tuple[Shell, Move]) -> None:
    shell, move = prepared
    ran = shell.run(*(one.defined for one in move.data), *move.steps[5].commands, UNREACHABLE="yes")
    assert ran.returncode != 0
    assert shell.did() == ["make read-only STACK=devora-vps ON=1"]


def test_postgresql_is_restored_into_the_database_that_the_host_is_told(shell: Shell, tmp_path: Path) -> None:
    (database,) = [one for one in to_another(tmp_path, "prod").data if one.name == "database"]
    ran = shell.run(database.defined, database.brings)
    assert ran.returncode == 0, ran.stderr
    # both run at once
    dumped, restored = sorted(
        (line for line in shell.did() if line.startswith("docker")), key=lambda line: "-c " in line
    )
    told = f"--env-file {shell.root}/opt/vulcan/env/dump-database.env"
    assert f"{told} --entrypoint pg_dump docker.io/library/postgres:17 --format=custom" in dumped
    assert restored.endswith("--no-owner --no-privileges --dbname $PGDATABASE")
    assert "restored archive" in shell.did()


def test_a_database_of_another_name_is_renamed_on_the_way(tmp_path: Path) -> None:
    def renamed(blocks: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
        blocks["product"]["backing"]["documents"]["database"] = "other"

    (documents,) = [one for one in devora(tmp_path, after=renamed).data if one.name == "documents"]
    assert "--nsFrom=devora_projects_db.* --nsTo=other.*" in documents.commands[0]


def test_a_checker_of_shell_scripts_finds_nothing_wrong(tmp_path: Path) -> None:
    script = tmp_path / "move.sh"
    script.write_text("#!/bin/bash\n" + "\n".join(all_commands(make_move("devora-vps", "devora-fleet"))) + "\n")
    # what stands in single quotes is for the other machine's shell
    program = shutil.which("shellcheck") or shutil.which("shellcheck", path=str(ROOT / ".cache" / "bin"))
    assert program, "shellcheck is missing: make tools"
    ran = subprocess.run([program, "--exclude=SC2016,SC2029", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
