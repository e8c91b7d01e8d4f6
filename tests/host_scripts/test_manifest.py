"""A manifest is read strictly: a mistake is one line with its key, and it is found before anything is touched."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from scripts.host import manifest
from scripts.host.run import HostError
from tests.host_scripts.fake_host import a_manifest, file_entry


def read(**parts: Any) -> manifest.Manifest:
    return manifest.read(json.dumps(a_manifest(**parts)))


def test_a_manifest_that_asks_for_nothing_is_read() -> None:
    assert read().files == ()


def test_a_file_is_read_whole() -> None:
    found = read(files=[file_entry("/etc/a.conf", "a = 1\n", "0640", ("reload nginx.service", "daemon-reload"))])
    assert found.files[0].mode == 0o640
    assert found.files[0].then == ("reload nginx.service", "daemon-reload")


def test_a_package_may_have_other_names_elsewhere() -> None:
    assert read(packages=["nginx", "docker-cli|docker.io"]).packages == ("nginx", "docker-cli|docker.io")


def test_nginx_serves_a_certificate_unless_haproxy_is_named() -> None:
    asked = {"domains": ["b.example"], "email": "a@b.c", "directory": "https://c.d/e"}
    served = [read(certificate=asked | more).certificate for more in ({}, {"served_by": "haproxy"})]
    assert [wanted.served_by for wanted in served if wanted] == ["nginx", "haproxy"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"colour": "red"}, "manifest.colour: is not known here"),
        ({"hostname": "-f"}, "manifest.hostname: this is not a host name"),
        ({"swap_mib": "2G"}, "manifest.swap_mib: has to be a whole number from 0 to 1048576"),
        ({"swap_mib": True}, "manifest.swap_mib: has to be a whole number from 0 to 1048576"),
        ({"packages": ["nginx", "--allow-downgrades"]}, "manifest.packages[1]: this is not a package"),
        ({"packages": ["a|"]}, "manifest.packages[0]: this is not a package"),
        ({"packages": ["docker-compose-v2|-f"]}, "manifest.packages[0]: this is not a package"),
        ({"packages": "nginx"}, "manifest.packages: has to be a list"),
        ({"absent": ["etc/passwd"]}, "manifest.absent[0]: this is not an absolute path in its simplest form"),
        ({"absent": ["/srv/../etc"]}, "manifest.absent[0]: this is not an absolute path in its simplest form"),
        ({"absent": ["/"]}, "manifest.absent[0]: this is not an absolute path in its simplest form"),
        ({"units": [{"name": "nginx", "enabled": True, "running": True}]}, "is not a unit's full name"),
        ({"units": [{"name": "nginx.service", "enabled": 1, "running": True}]}, "enabled: has to be true or false"),
        ({"toolchain": {"node": "latest", "npm": {}}}, "manifest.toolchain.node: this is not a version"),
        ({"toolchain": {"node": "24.1.0", "npm": {"pm2": "^7"}}}, "npm.pm2: this is not an exact version"),
        ({"firewall": {"ssh_from": ["everyone"], "tcp": []}}, "ssh_from[0]: this is not a range of addresses"),
        ({"firewall": {"ssh_from": [], "tcp": [0]}}, "tcp[0]: has to be a whole number from 1 to 65535"),
        ({"certificate": {"domains": [], "email": "a@b.c", "directory": "https://c.d/e"}}, "has to name at least one"),
        (
            {
                "certificate": {
                    "domains": ["b.example"],
                    "email": "a@b.c",
                    "directory": "https://c.d/e",
                    "served_by": "caddy",
                }
            },
            "manifest.certificate.served_by: this is not nginx or haproxy",
        ),
        ({"certificate": 3}, "manifest.certificate: this has to be an object"),
        ({"files": [file_entry("/a", "") | {"then": ["reboot"]}]}, "'reboot' is not reload <unit>, restart <unit>"),
        ({"files": [file_entry("/a", "") | {"then": ["restart nginx"]}]}, "'restart nginx' is not reload <unit>"),
        ({"files": [file_entry("/a", "") | {"mode": "rw"}]}, "files[0].mode: this is not a mode such as 0644"),
        ({"files": [file_entry("/a", "") | {"owner": "root;"}]}, "files[0].owner: this is not a user name"),
        ({"files": [file_entry("/a", ""), file_entry("/a", "")]}, "manifest.files: /a is there twice"),
        ({"files": [file_entry("/a", "")], "absent": ["/a"]}, "manifest.files: /a is there twice"),
    ],
)
def test_a_mistake_is_one_line_with_its_key(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(HostError) as caught:
        read(**parts)
    assert message in caught.value.reason
    assert "\n" not in caught.value.reason


def test_a_key_that_is_missing_is_named() -> None:
    whole = a_manifest()
    del whole["users"]
    with pytest.raises(HostError, match=r"^manifest\.users: is missing$"):
        manifest.read(json.dumps(whole))


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(HostError, match=r"^manifest: this"):
        manifest.read(text)


def test_a_value_in_the_wrong_place_is_not_repeated() -> None:
    """It may be a secret (FF7)."""
    secret = secrets.token_urlsafe(24) + "!"
    with pytest.raises(HostError) as caught:
        read(hostname=secret)
    assert secret not in caught.value.reason
