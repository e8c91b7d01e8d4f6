"""What happens to an nginx that runs while nobody looks: its libraries are upgraded, and its logs grow."""

from __future__ import annotations

from hostfiles.maintenance import RESTARTS
from hostfiles.manifest import File
from hostfiles.text import HEADER, joined

PID = "/run/nginx.pid"
UNIT = "nginx.service"
ROTATED = "/etc/logrotate.d/nginx"
"""Its package's own place: two rules for one log are none to logrotate. An upgrade leaves ours (maintenance.py)."""


def files() -> list[File]:
    """How nginx begins anew, for needrestart, and when its logs do, for logrotate."""
    return [
        File(f"{RESTARTS}/{UNIT}", upgraded(), "0755"),
        File(ROTATED, rotated_logs(), validate=("/usr/sbin/logrotate", "--debug", "{}")),
    ]


def upgraded() -> str:
    """What is done after an upgrade of a library. The unit's own restart refuses who comes meanwhile, and cuts off who
    is still being answered after five seconds.

    It is what nginx documents (nginx.org/en/docs/control.html#upgrade) and its package does after its own upgrade:
    systemd reads the pid file again when the old master ends.
    """
    return joined(
        [
            "#!/bin/sh",
            f"# {HEADER}",
            "# A new master takes over the sockets that nginx listens on; the old one answers what it has begun.",
            f"pid={PID}",
            "/usr/sbin/nginx -t -q || exit 1  # it could not start again: what runs stays",
            "for _ in $(seq 700); do  # one that answers still since the last time: nginx lets it for a minute",
            '    [ -e "$pid.oldbin" ] || break',
            "    sleep 0.1",
            "done",
            'if old=$(cat "$pid") && kill -USR2 "$old"; then',
            "    for _ in $(seq 100); do",
            "        sleep 0.1",
            '        if [ -s "$pid" ] && [ "$(cat "$pid.oldbin" 2>/dev/null)" = "$old" ]; then',
            '            exec kill -QUIT "$old"',
            "        fi",
            "    done",
            "fi",
            f"exec systemctl restart {UNIT}",
        ]
    )


def rotated_logs() -> str:
    """logrotate's file for nginx's logs, as its package has it, but with an end to what a day may write."""
    return joined(
        [
            f"# {HEADER}",
            "/var/log/nginx/*.log {",
            "    daily",
            "    maxsize 200M",
            "    rotate 14",
            "    missingok",
            "    notifempty",
            "    compress",
            "    delaycompress",
            "    create 0640 www-data adm",
            "    sharedscripts",
            "    postrotate",
            f"        [ ! -s {PID} ] || kill -USR1 $(cat {PID})",
            "    endscript",
            "}",
        ]
    )
