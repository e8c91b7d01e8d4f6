"""ecosystem.config.js: all processes of the product, for `pm2 start ecosystem.config.js` (FF3, FF4)."""

from __future__ import annotations

import json
from typing import Any

from hostfiles.manifest import File
from hostfiles.text import HEADER, joined
from settings.product import Product, Service

LISTEN_TIMEOUT = 10_000
"""Milliseconds that PM2 waits for "ready" (requirement FF3). A release waits on, for as long as a service may take."""
MAX_RESTARTS = 10
_GRACE = 5
"""Seconds after `stop_after` until PM2 kills: the service's own limit comes first."""
_RUNNER = "/usr/local/lib/slipway/host/run_service.py"

_TEXT = """\
// {header}
"use strict";

const fs = require("fs");
const path = require("path");

const root = {root};

// Which of the two places for a release this is about. With no release yet there is nothing to run.
function chosenSlot() {{
  if (process.env.SLIPWAY_SLOT) return process.env.SLIPWAY_SLOT;
  try {{
    return path.basename(fs.readlinkSync(path.join(root, "current")));
  }} catch (error) {{
    if (error.code === "ENOENT") return null;
    throw error;
  }}
}}

const slot = chosenSlot();
if (slot !== null && slot !== "blue" && slot !== "green") {{
  throw new Error(`there is no slot ${{slot}}: blue or green`);
}}

const common = {common};

// In the order in which they start. Each reads the release's .env by itself: PM2 would keep what it is told.
const services = {services};

// Each release has its own copy of this file, which knows the services it has: what was applied may be ahead of it.
const copy = slot === null ? null : path.join(root, "slots", slot, "ecosystem.config.js");
const applied = fs.realpathSync(__dirname) === fs.realpathSync(root);

module.exports = applied && copy !== null && fs.existsSync(copy) ? require(copy) : {{
  apps: slot === null ? [] : services.map(({{ name, ...options }}) => ({{
    ...common,
    ...options,
    name: `${{name}}-${{slot}}`,
    args: ["--root", root, "--service", name, "--slot", slot],
    out_file: path.join(root, "logs", `${{name}}-${{slot}}.log`),
    error_file: path.join(root, "logs", `${{name}}-${{slot}}.log`),
  }})),
}};
"""


def ecosystem(product: Product) -> str:
    """The text of ecosystem.config.js. It holds no variable's value, and runs from any directory."""
    root = f"/srv/{product.name}"
    services = [_service(name, service) for name, service in product.services_of("web", "worker", "scheduler").items()]
    common: dict[str, Any] = {
        "script": _RUNNER,
        "interpreter": "/usr/bin/python3",
        "cwd": root,
        "exec_mode": "fork",
        "wait_ready": True,
        "listen_timeout": LISTEN_TIMEOUT,
        "autorestart": True,
        "max_restarts": MAX_RESTARTS,
        "treekill": False,
        "merge_logs": True,
        "vizion": False,
        "pmx": False,
        "automation": False,
        "env_production": {},
    }
    return _TEXT.format(header=HEADER, root=json.dumps(root), common=_literal(common), services=_literal(services))


def rotated_logs(product: str) -> File:
    """logrotate's file for the processes' logs. PM2 opens them again when it is told to."""
    text = joined(
        [
            f"# {HEADER}",
            f"/srv/{product}/logs/*.log {{",
            f"    su {product} {product}",
            "    daily",
            "    maxsize 50M",
            "    rotate 14",
            "    missingok",
            "    notifempty",
            "    compress",
            "    delaycompress",
            f"    create 0640 {product} {product}",
            "    sharedscripts",
            "    postrotate",
            f"        systemctl kill --signal=SIGUSR2 --kill-whom=main pm2-{product}.service 2>/dev/null || true",
            "    endscript",
            "}",
        ]
    )
    return File("/etc/logrotate.d/slipway", text, validate=("/usr/sbin/logrotate", "--debug", "{}"))


def _service(name: str, service: Service) -> dict[str, Any]:
    options: dict[str, Any] = {
        "name": name,
        # a web service's own server has as many workers as there are replicas: they share one socket
        "instances": service.replicas if service.role == "worker" else 1,
        "kill_timeout": (service.stop_after + _GRACE) * 1000,
    }
    if service.memory is not None:
        # of the process that PM2 started, not of its children (docs/operations.md): the unit's MemoryMax is for all
        options["max_memory_restart"] = f"{service.memory}M"
    return options


def _literal(value: Any) -> str:
    return json.dumps(value, indent=2)
