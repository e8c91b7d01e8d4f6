// Made by slipway from the stack file: a change here is undone by the next `pulumi up`.
"use strict";

const fs = require("fs");
const path = require("path");

const root = "/srv/familyflow";

// Which of the two places for a release this is about. With no release yet there is nothing to run.
function chosenSlot() {
  if (process.env.SLIPWAY_SLOT) return process.env.SLIPWAY_SLOT;
  try {
    return path.basename(fs.readlinkSync(path.join(root, "current")));
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

const slot = chosenSlot();
if (slot !== null && slot !== "blue" && slot !== "green") {
  throw new Error(`there is no slot ${slot}: blue or green`);
}

const common = {
  "script": "/usr/local/lib/slipway/host/run_service.py",
  "interpreter": "/usr/bin/python3",
  "cwd": "/srv/familyflow",
  "exec_mode": "fork",
  "wait_ready": true,
  "listen_timeout": 10000,
  "autorestart": true,
  "max_restarts": 10,
  "treekill": false,
  "merge_logs": true,
  "vizion": false,
  "pmx": false,
  "automation": false,
  "env_production": {}
};

// In the order in which they start. Each reads the release's .env by itself: PM2 would keep what it is told.
const services = [
  {
    "name": "api",
    "instances": 1,
    "kill_timeout": 35000,
    "max_memory_restart": "512M"
  },
  {
    "name": "worker",
    "instances": 1,
    "kill_timeout": 65000,
    "max_memory_restart": "512M"
  },
  {
    "name": "beat",
    "instances": 1,
    "kill_timeout": 15000,
    "max_memory_restart": "256M"
  }
];

// Each release has its own copy of this file, which knows the services it has: what was applied may be ahead of it.
const copy = slot === null ? null : path.join(root, "slots", slot, "ecosystem.config.js");
const applied = fs.realpathSync(__dirname) === fs.realpathSync(root);

module.exports = applied && copy !== null && fs.existsSync(copy) ? require(copy) : {
  apps: slot === null ? [] : services.map(({ name, ...options }) => ({
    ...common,
    ...options,
    name: `${name}-${slot}`,
    args: ["--root", root, "--service", name, "--slot", slot],
    out_file: path.join(root, "logs", `${name}-${slot}.log`),
    error_file: path.join(root, "logs", `${name}-${slot}.log`),
  })),
};
