"""The first boot: the least that a later log-in needs. A change of this text would mean another machine."""

from __future__ import annotations

import json


def user_data(deploy_public_key: str, first_host_private: str, first_host_public: str) -> str:
    """cloud-config with the user `deploy`, its key, and a host key that we know before the machine exists.

    The host key is used once: the bootstrap replaces it, since whoever can read the user data (any process on the host,
    by the metadata service) knows it. Keys of people come later, with the manifest: a new colleague is no reason for a
    new machine.
    JSON is YAML too, and needs no quoting rules of its own.
    """
    config = {
        "users": [
            {
                "name": "deploy",
                "gecos": "Releases",
                "shell": "/bin/bash",
                "lock_passwd": True,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "ssh_authorized_keys": [deploy_public_key.strip()],
            }
        ],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": first_host_private.strip() + "\n",
            "ed25519_public": first_host_public.strip() + "\n",
        },
        "package_update": False,
        "package_upgrade": False,
    }
    return "#cloud-config\n" + json.dumps(config, indent=2) + "\n"
