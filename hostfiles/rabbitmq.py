"""RabbitMQ 3.9 (Ubuntu 22.04) up to 4 (Debian 13): on loopback with all of its three listeners, one user, no guest.

The node has a name of its own, `rabbit@localhost`: its data does not hang on the host's name, and a node that the
package started under the host's name, with the user `guest`, is another one that never runs again.
"""

from __future__ import annotations

import base64
import hashlib
import json

from hostfiles.manifest import File
from hostfiles.text import HEADER, joined

SHARE = 8
"""RabbitMQ stops taking messages once it holds one part in this many of the memory; consumers go on."""

_RESTART = ("restart rabbitmq-server.service",)
_LOOPBACK_ONLY = "-kernel inet_dist_use_interface {127,0,0,1}"


def files(user: str, password: str, memory: int) -> list[File]:
    """Its configuration for one user, who owns the virtual host of the same name. `memory` is the machine's, in MiB."""
    return [
        File(
            "/etc/systemd/system/epmd.socket.d/10-slipway.conf",
            joined([f"# {HEADER}", "[Socket]", "ListenStream=", "ListenStream=127.0.0.1:4369"]),
            then=("daemon-reload", "restart epmd.socket", *_RESTART),  # a node of 3.9 does not enrol again by itself
        ),
        File("/etc/rabbitmq/rabbitmq.conf", config(memory), "0640", "root", "rabbitmq", then=_RESTART),
        File("/etc/rabbitmq/definitions.json", definitions(user, password), "0640", "root", "rabbitmq", then=_RESTART),
        File("/etc/rabbitmq/enabled_plugins", "[].\n", "0644", "root", "root", then=_RESTART),
        File("/etc/rabbitmq/rabbitmq-env.conf", environment(), "0644", "root", "root", then=_RESTART),
    ]


def config(memory: int) -> str:
    """The text of rabbitmq.conf, in words that 3.9 and 4 both know."""
    return joined(
        [
            f"# {HEADER}",
            "listeners.tcp.1 = 127.0.0.1:5672",
            "load_definitions = /etc/rabbitmq/definitions.json",
            "# version 4 would let ANONYMOUS in, as the user guest",
            "auth_mechanisms.1 = PLAIN",
            "auth_mechanisms.2 = AMQPLAIN",
            f"vm_memory_high_watermark.absolute = {max(128, memory // SHARE)}MiB",
            "disk_free_limit.absolute = 512MiB",
            "heartbeat = 60",
            "log.file.level = info",
        ]
    )


def environment() -> str:
    """The text of rabbitmq-env.conf: names, and the listeners of Erlang's own, which rabbitmq.conf does not reach."""
    return joined(
        [
            f"# {HEADER}",
            "NODENAME=rabbit@localhost",
            "export ERL_EPMD_ADDRESS=127.0.0.1",
            f'SERVER_ADDITIONAL_ERL_ARGS="{_LOOPBACK_ONLY}"',
            f'CTL_ERL_ARGS="{_LOOPBACK_ONLY}"',
        ]
    )


def definitions(user: str, password: str) -> str:
    """The text of definitions.json, which the node reads whenever it starts."""
    found = {
        "vhosts": [{"name": user}],
        "users": [
            {
                "name": user,
                "password_hash": password_hash(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [],
            }
        ],
        "permissions": [{"user": user, "vhost": user, "configure": ".*", "write": ".*", "read": ".*"}],
    }
    return json.dumps(found, indent=2) + "\n"


def password_hash(password: str) -> str:
    """RabbitMQ's salted SHA-256 (its documentation, "Password hashing").

    The salt follows from the password, so that the same password gives the same file. A salt keeps two users from
    having the same hash; here there is one user, and its password is random.
    """
    salt = hashlib.sha256(b"slipway rabbitmq salt " + password.encode()).digest()[:4]
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def facts(user: str, password: str) -> dict[str, str]:
    """How a service on the same host reaches it."""
    return {
        "url": f"amqp://{user}:{password}@127.0.0.1:5672/{user}",
        "host": "127.0.0.1",
        "port": "5672",
        "user": user,
        "password": password,
    }
