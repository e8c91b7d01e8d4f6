"""What a local host inherits from this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal import machine
from rehearsal.machine import apt, node, python, trust

BUNDLE = trust.HOST_BUNDLE
ONE = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n"
TWO = "-----BEGIN CERTIFICATE-----\nCCCC\n-----END CERTIFICATE-----\n"


def test_a_bundle_is_split_into_its_certificates_without_comments_or_duplicates() -> None:
    assert trust.unique(trust.split(f"# one\n{ONE}\nsubject=two\n{TWO}{ONE}")) == (ONE, TWO)
    assert trust.unique(trust.split(ONE.replace("\n", "\r\n"))) == (ONE,)


def test_the_bundle_that_the_environment_names_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundle.pem").write_text(TWO)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    assert TWO in trust.certificates()


def test_apts_way_to_the_mirror_is_inherited_and_nothing_else() -> None:
    dump = (
        'APT::Architecture "amd64";\nAcquire::http::Proxy "http://proxy.example.com:3128";\n'
        'Acquire::https::CAInfo "/opt/here/ca.pem";\nAcquire::https "";\nAcquire::Retries "3";\n'
        'Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";\nDpkg::Post-Invoke:: "rm -f x";\n'
    )
    assert apt.filtered(dump).splitlines() == [
        'Acquire::http::Proxy "http://proxy.example.com:3128";',
        f'Acquire::https::CAInfo "{BUNDLE}";',
        'Acquire::Retries "3";',
    ]


def test_our_releases_sources_move_to_the_hosts_release_and_others_stay_behind() -> None:
    entries = [
        ("http://mirror.example.com/debian", "bookworm", "main contrib"),
        ("http://mirror.example.com/debian", "bookworm-updates", "main"),
        ("http://mirror.example.com/security", "bookworm-security", "main"),
        ("http://mirror.example.com/debian", "bookworm-backports", "main"),
        ("http://tool.example.com/apt", "stable", "main"),
        ("file:///srv/apt", "bookworm", "main"),
    ]
    assert apt.adapted(entries, "bookworm", "trixie", "/k.gpg") == (
        "deb [signed-by=/k.gpg] http://mirror.example.com/debian trixie main",
        "deb [signed-by=/k.gpg] http://mirror.example.com/debian trixie-updates main",
        "deb [signed-by=/k.gpg] http://mirror.example.com/security trixie-security main",
    )


def test_both_formats_of_sources_are_read() -> None:
    one_line = "# comment\ndeb [arch=amd64] http://a.example.com/d bookworm main # x\ndeb-src http://b bookworm main\n"
    assert [entry[:2] for entry in apt._one_line(one_line)] == [("http://a.example.com/d", "bookworm")]
    stanza = (
        "Types: deb deb-src\n# why\nURIs: http://a.example.com/d\nSuites: one\n two\nComponents: main\n\n"
        "Types: deb\nURIs: http://off\nSuites: one\nEnabled: no\n"
    )
    assert apt._deb822(stanza) == [
        ("http://a.example.com/d", "one", "main"),
        ("http://a.example.com/d", "two", "main"),
    ]


def test_pips_settings_are_inherited_environment_first_and_paths_left_out() -> None:
    text = python.rendered(
        [
            "global.index-url='https://mirror.example.com/simple'",
            ":env:.index-url='https://other.example.com/simple'",
            "global.extra-index-url='https://a.example.com https://b.example.com'",
            ":env:.find-links='/opt/here https://links.example.com'",
            ":env:.default-timeout='30'",
            "global.cert='/opt/here/ca.pem'",
            "install.user='true'",
        ]
    )
    assert text == (
        f"[global]\ncert = {BUNDLE}\ndisable-pip-version-check = true\nindex-url = https://other.example.com/simple\n"
        "extra-index-url = https://a.example.com\n    https://b.example.com\n"
        "find-links = https://links.example.com\ntimeout = 30\n"
    )


def test_npms_registries_are_inherited_the_users_over_the_machines() -> None:
    text = node.rendered(
        [
            "registry=https://one.example.com/",
            "; a comment = x",
            "prefix=/opt/here",
            "cafile=/opt/here/ca.pem",
            "registry = https://two.example.com/",
            "@scope:registry=https://three.example.com/",
            "//three.example.com/:_authToken=${TOKEN}",
        ],
        {"TOKEN": "from-the-environment"},
    )
    settings = dict(line.split("=", 1) for line in text.splitlines())
    assert settings["registry"] == "https://two.example.com/"
    assert settings["cafile"] == BUNDLE
    assert settings["//three.example.com/:_authToken"] == "from-the-environment"
    assert "prefix" not in settings


def test_npms_environment_variables_count() -> None:
    text = node.configuration({"npm_config_registry": "https://env.example.com/", "NPM_CONFIG_USERCONFIG": "/absent"})
    assert "registry=https://env.example.com/\n" in text


def test_a_proxy_is_inherited_but_not_for_what_stays_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", "intranet.example.com")
    environment = machine.read("debian", "trixie").files["/etc/environment"]
    assert 'https_proxy="http://proxy.example.com:3128"\n' in environment
    assert 'HTTPS_PROXY="http://proxy.example.com:3128"\n' in environment
    (line,) = [line for line in environment.splitlines() if line.startswith("no_proxy=")]
    assert line.startswith('no_proxy="intranet.example.com,localhost,')
    assert "github.com" in line


def test_other_settings_make_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = machine.read("debian", "trixie").digest()
    assert machine.read("debian", "trixie").digest() == before
    monkeypatch.setenv("npm_config_registry", "https://env.example.com/")
    assert machine.read("debian", "trixie").digest() != before
