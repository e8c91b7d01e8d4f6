"""What the machine's owner set for every program reaches ours; what decides which program runs does not."""

from __future__ import annotations

from pathlib import Path

from scripts.host.surroundings import surroundings


def test_values_are_read_as_pam_env_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text(
        "# a proxy\nHTTPS_PROXY=\"http://proxy.example.com:3128\"\nexport NO_PROXY=localhost\nSSL_CERT_FILE='/etc/ca'\n"
    )
    assert surroundings(file) == {
        "HTTPS_PROXY": "http://proxy.example.com:3128",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": "/etc/ca",
    }


def test_the_path_and_its_like_stay_ours(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("PATH=/tmp\nLD_PRELOAD=/tmp/x.so\nBASH_ENV=/tmp/x\nnonsense\n= x\n1A=b\n")
    assert surroundings(file) == {}


def test_no_file_is_no_variables(tmp_path: Path) -> None:
    assert surroundings(tmp_path / "none") == {}
