"""The first boot, SSH and the admins' rights, read by cloud-init's schema, sshd and sudo (FF10)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from hostfiles import cloud_init, sshd
from tests.hostfiles.conftest import Run
from tests.hostfiles.stacks import ROOT, content, manifest, stack

SCHEMA = ROOT / "tests" / "fixtures" / "cloud-config.schema.json"
"""cloud-init 25.1's own schema-cloud-config-v1.json, without its white space."""


@pytest.fixture
def effective(run: Run, tmp_path: Path) -> dict[str, str]:
    """What sshd makes of the drop-in alone."""
    Path("/run/sshd").mkdir(exist_ok=True)
    key = tmp_path / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    path = tmp_path / "sshd_config"
    path.write_text(sshd.config().replace("/etc/ssh/ssh_host_ed25519_key", str(key)))
    assert run("sshd", "-t", "-f", str(path)).returncode == 0
    shown = run("sshd", "-T", "-f", str(path))
    assert shown.returncode == 0, shown.stderr
    lines = [line.partition(" ") for line in shown.stdout.splitlines()]
    users = " ".join(sorted(value for name, _, value in lines if name == "allowusers"))
    return {**{name: value for name, _, value in lines}, "allowusers": users}


def test_only_keys_and_only_two_users_log_in(effective: dict[str, str]) -> None:
    """FF10."""
    wanted = {
        "permitrootlogin": "no",
        "passwordauthentication": "no",
        "kbdinteractiveauthentication": "no",
        "permitemptypasswords": "no",
        "authenticationmethods": "publickey",
        "allowusers": "deploy ops",
        "disableforwarding": "yes",
        "x11forwarding": "no",
    }
    assert {name: effective[name] for name in wanted} == wanted


def test_algorithms_are_modern_ones_only(effective: dict[str, str]) -> None:
    modern = ("mlkem", "sntrup", "curve25519")
    assert [name for name in effective["kexalgorithms"].split(",") if not name.startswith(modern)] == []
    assert "curve25519-sha256" in effective["kexalgorithms"]  # what the engine's own SSH client speaks
    assert [name for name in effective["ciphers"].split(",") if "gcm" not in name] == []
    assert [name for name in effective["macs"].split(",") if "-etm@" not in name or "sha1" in name] == []
    assert effective["hostkeyalgorithms"] == "ssh-ed25519"


def test_many_connections_at_once_are_let_in(effective: dict[str, str]) -> None:
    """Forty at once: with the default of 10:30:100, eleven of them were refused (measured)."""
    assert effective["maxstartups"] == "100:30:200"


def test_admins_become_root_and_the_product_does_not(run: Run, tmp_path: Path) -> None:
    made = manifest(stack())
    path = tmp_path / "sudoers"
    path.write_text(content(made, "/etc/sudoers.d/10-slipway"))
    path.chmod(0o440)
    assert run("visudo", "-c", "-q", "-f", str(path)).returncode == 0
    assert "familyflow" not in path.read_text()


def test_every_admins_key_is_let_in_and_no_other() -> None:
    inside = "AAAAC3NzaC1lZDI1NTE5AAAAI"  # the type and the length of what follows
    keys = [f"ssh-ed25519 {inside}{letter * 43} {letter}@example.com" for letter in "AB"]
    made = manifest(stack(access={"ssh_keys": keys}))
    assert content(made, "/home/ops/.ssh/authorized_keys").splitlines() == keys


def test_cloud_init_takes_the_user_data() -> None:
    text = cloud_init.user_data("ssh-ed25519 AAAA deploy", "-----BEGIN-----\nx\n-----END-----\n", "ssh-ed25519 BBBB")
    assert text.startswith("#cloud-config\n")
    read = yaml.safe_load(text)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(read)
    assert [user["name"] for user in read["users"]] == ["deploy"]
    assert (read["disable_root"], read["ssh_pwauth"]) == (True, False)
    assert read["ssh_keys"]["ed25519_private"] == "-----BEGIN-----\nx\n-----END-----\n"


def test_the_schema_would_see_a_mistake() -> None:
    wrong = {"users": [{"name": "deploy", "ssh_authorised_keys": []}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(wrong)


def test_the_user_data_knows_nothing_that_may_change_in_a_machines_life() -> None:
    """A change of it would be for another machine: people's keys come with the manifest."""
    text = cloud_init.user_data("<deploy>", "<private>", "<public>")
    assert "ops" not in text
    assert "familyflow" not in text
