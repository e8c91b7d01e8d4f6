"""SSH: keys only, no root, no forwarding, modern algorithms. For OpenSSH 8.9 (Ubuntu 22.04) up to 10 (Debian 13)."""

from __future__ import annotations

from collections.abc import Sequence

from hostfiles.manifest import Directory, File, User
from hostfiles.text import HEADER, joined

ADMIN = "ops"
DEPLOY = "deploy"

# sshd wants this directory even for a check. Where systemd starts sshd by its socket, it is there only while sshd runs.
_CHECK = 'install -d -m 0755 /run/sshd && /usr/sbin/sshd -t -f "$1"'


def config() -> str:
    """The drop-in. OpenSSH takes the first value that it reads, and drop-ins come first, in the order of their names.

    Algorithms are taken away from the defaults by pattern, not listed: so each version keeps its newest (mlkem768x25519
    since 9.9) and none meets a name that it does not know, which would keep it from starting.
    """
    return joined(
        [
            f"# {HEADER}",
            f"AllowUsers {ADMIN} {DEPLOY}",
            "AuthenticationMethods publickey",
            "PubkeyAuthentication yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "HostbasedAuthentication no",
            "GSSAPIAuthentication no",
            "PermitEmptyPasswords no",
            "PermitRootLogin no",
            "PermitUserEnvironment no",
            "PermitUserRC no",
            "StrictModes yes",
            "",
            "HostKey /etc/ssh/ssh_host_ed25519_key",
            "HostKeyAlgorithms ssh-ed25519",
            "KexAlgorithms -ecdh-sha2-*,diffie-hellman-*",
            "Ciphers -*-ctr,*-cbc,chacha20-*",
            "MACs -hmac-sha1*,umac-64*,hmac-sha2-256,hmac-sha2-512,umac-128@openssh.com",
            "",
            "DisableForwarding yes",
            "AllowTcpForwarding no",
            "AllowAgentForwarding no",
            "AllowStreamLocalForwarding no",
            "X11Forwarding no",
            "PermitTunnel no",
            "GatewayPorts no",
            "",
            "# many connections at once are a deployment, not an attack: who may come at all is the firewall's to say",
            "MaxStartups 100:30:200",
            "MaxAuthTries 3",
            "MaxSessions 2",
            "LoginGraceTime 30",
            "ClientAliveInterval 60",
            "ClientAliveCountMax 2",
            "TCPKeepAlive no",
            "Compression no",
            "UseDNS no",
            "LogLevel VERBOSE",
            "Banner /etc/issue.net",
        ]
    )


def users() -> list[User]:
    """The people who administrate the host. The user `deploy` is there from the first boot."""
    return [User(ADMIN, f"/home/{ADMIN}", "/bin/bash", system=False)]


def directories() -> list[Directory]:
    """Where the admins' keys are."""
    return [Directory(f"/home/{ADMIN}", "0750", ADMIN, ADMIN), Directory(f"/home/{ADMIN}/.ssh", "0700", ADMIN, ADMIN)]


def files(keys: Sequence[str]) -> list[File]:
    """The drop-in, the admins' keys, and their right to become root."""
    return [
        File(
            "/etc/ssh/sshd_config.d/10-slipway.conf",
            config(),
            "0600",
            validate=("/bin/sh", "-c", _CHECK, "check", "{}"),
            then=("reload ssh.service",),
        ),
        File(f"/home/{ADMIN}/.ssh/authorized_keys", joined(key.strip() for key in keys), "0600", ADMIN, ADMIN),
        File(
            "/etc/sudoers.d/10-slipway",
            f"# {HEADER}\n{ADMIN} ALL=(ALL:ALL) NOPASSWD: ALL\n",
            "0440",
            validate=("/usr/sbin/visudo", "-c", "-q", "-f", "{}"),
        ),
    ]
