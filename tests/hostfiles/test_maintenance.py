"""Upgrades, logs, the kernel: read by the programs that they are for (FF3, FF10)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.hostfiles.conftest import Run
from tests.hostfiles.stacks import content, manifest, stack

MADE = manifest(stack())


@pytest.mark.parametrize("name", ["20auto-upgrades", "60-slipway"])
def test_apt_takes_the_file(name: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content(MADE, f"/etc/apt/apt.conf.d/{name}"))
    shown = run("apt-config", "-c", str(tmp_path / name), "dump")
    assert (shown.returncode, shown.stderr) == (0, "")
    expected = {"20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1"', "60-slipway": 'Automatic-Reboot "false"'}
    assert expected[name] in shown.stdout


def test_a_wrong_apt_file_would_be_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text('APT::Periodic::Unattended-Upgrade "1"\nDpkg::Options { ')
    assert run("apt-config", "-c", str(tmp_path / "bad"), "dump").returncode != 0


def test_logs_rotate_without_losing_a_line(run: Run, tmp_path: Path) -> None:
    """FF3: PM2 opens its logs again when it is told to; nothing is copied and cut."""
    text = content(MADE, "/etc/logrotate.d/slipway")
    assert "copytruncate" not in text
    log = tmp_path / "logs" / "api-blue.log"
    log.parent.mkdir()
    log.write_text("a line\n")
    moved = text.replace("/srv/familyflow/logs", str(log.parent)).replace("su familyflow familyflow", "su root root")
    moved = moved.replace("familyflow familyflow", "root root").replace(
        "systemctl kill", f"echo told >> {tmp_path}/told #"
    )
    (tmp_path / "conf").write_text(moved)
    (tmp_path / "conf").chmod(0o644)
    rotated = run("logrotate", "--force", "--state", str(tmp_path / "state"), str(tmp_path / "conf"))
    assert (rotated.returncode, rotated.stderr) == (0, "")
    assert (log.read_text(), log.with_suffix(".log.1").read_text()) == ("", "a line\n")
    assert (tmp_path / "told").read_text() == "told\n"


def test_a_logs_limit_is_looked_at_every_hour() -> None:
    text = content(MADE, "/etc/systemd/system/logrotate.timer.d/10-slipway.conf")
    assert re.findall(r"^OnCalendar=(.*)$", text, re.MULTILINE) == ["", "hourly"]  # the package's `daily` is taken back


def test_no_log_has_two_rules() -> None:
    """logrotate takes neither: what its packages bring for the same log has to be one of ours, by its path."""
    rules = [file for file in MADE.files if file.path.startswith("/etc/logrotate.d/")]
    assert [file.path for file in rules] == ["/etc/logrotate.d/nginx", "/etc/logrotate.d/slipway"]
    assert all("maxsize" in file.content for file in rules)


def test_kernel_settings_are_each_said_once_and_may_be_missing() -> None:
    lines = content(MADE, "/etc/sysctl.d/60-slipway.conf").splitlines()[1:]
    names = [line.partition(" = ")[0] for line in lines]
    assert len(names) == len(set(names)) > 30
    assert all(re.fullmatch(r"-[a-z0-9_.]+ = \d+", line) for line in lines)


def test_an_upgraded_library_restarts_everything_but_the_product() -> None:
    text = content(MADE, "/etc/needrestart/conf.d/60-slipway.conf")
    assert "$nrconf{override_rc}{qr(^pm2-familyflow\\.service$)} = 0;" in text
    assert "$nrconf{restart} = 'a';" in text
