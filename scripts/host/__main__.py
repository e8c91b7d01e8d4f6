"""`slipway <command>` on a host. Each command imports only what it needs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from .run import HostError

COMMANDS = {
    "bootstrap": ("bootstrap", "main", "wait for the first boot and make this host its own SSH key"),
    "apply": ("apply", "main", "bring this host to the manifest on standard input (--again: the last one)"),
    "release": ("release", "main", "run the release that is asked for on standard input"),
    "rollback": ("release", "rollback_main", "return to the release before"),
    "ledger": ("ledger", "main", "say which releases there were and what became of them"),
    "status": ("status", "main", "say what runs"),
    "recover": ("release", "recover_main", "end or undo a release that was interrupted"),
    "fleet": ("fleet", "main", "do this host's part of a release of all hosts (a call on standard input)"),
    "drain": ("drain", "main", "leave the balancer's rotation, and wait until the visitors have gone"),
    "undrain": ("drain", "undrain", "come back into the balancer's rotation"),
    "read-only": ("read_only_command", "main", "refuse what may change something (on), or take it again (off)"),
    "unmount": ("volumes", "main", "stop what writes on volumes and unmount them, before they are detached"),
    "unlock": ("lock", "main", "give the lock of a release free that nobody holds any more"),
    "firewall-confirm": ("firewall_guard", "confirm", "keep the firewall rules that were applied last"),
    "firewall-revert": ("firewall_guard", "revert", "bring the firewall rules back that were before"),
    "host-key-revert": ("bootstrap", "revert", "bring the SSH host key back that was before"),
    "balancer-states": ("haproxy", "remember", "write down how the hosts behind HAProxy are, before it is reloaded"),
    "certificate": ("certificate_command", "main", "obtain the certificate, or renew it (--force: now)"),
}
"""Each command: its module, its function (arguments -> exit code), what it does."""


def _explain(arguments: list[str]) -> str:
    """Say which commands there are and leave: with 0 for --help, with 2 for what is no command."""
    import argparse  # costs as much as everything that an apply without changes does with its files

    lines = "\n".join(f"  {name:18}{what}" for name, (_, _, what) in COMMANDS.items())
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="slipway", description=f"commands:\n{lines}", formatter_class=form)
    parser.add_argument("command", choices=COMMANDS, metavar="command")
    return str(parser.parse_args(arguments).command)


def main(arguments: list[str]) -> int:
    """Run one command. Exit 1 with the reason in one line, and the last lines of what failed below it."""
    command = arguments[0] if arguments and arguments[0] in COMMANDS else _explain(arguments)
    module, function, _ = COMMANDS[command]
    run: Callable[[list[str]], int] = getattr(importlib.import_module("." + module, __package__), function)
    try:
        return run(arguments[1:])
    except HostError as error:
        print(f"slipway {command}: {error.reason}", file=sys.stderr)
        for line in error.tail:
            print(f"    {line}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"slipway {command}: {where}{error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
