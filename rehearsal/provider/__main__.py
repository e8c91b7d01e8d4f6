"""`python -m rehearsal.provider <name>`: a plugin's process, as the engine starts it. Prints its port, then serves."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from rehearsal.provider.resource import Context
from rehearsal.provider.servicer import Servicer
from rehearsal.provider.store import Store
from rehearsal.provider.workshop import STATE, open_cloud

MODULES = {
    "digitalocean": "rehearsal.provider.digitalocean",
    "cloudflare": "rehearsal.provider.cloudflare",
    "command": "rehearsal.provider.commands",
    "random": "rehearsal.provider.random",
    "tls": "rehearsal.provider.tls",
}
# every call of the engine holds a thread while it lasts, and a remote command lasts minutes
_THREADS = 64
_LARGEST_MESSAGE = 400 * 1024 * 1024  # what the engine allows


def main(arguments: list[str]) -> int:
    """Serves until the engine closes the process's standard input or kills it."""
    name = arguments[0]
    engine = next((item for item in arguments[1:] if not item.startswith("-")), None)
    state = Path(os.environ[STATE])
    module = importlib.import_module(MODULES[name])
    context = Context(store=Store(state), cloud=open_cloud(state))
    servicer = Servicer(name, module.RESOURCES, context, getattr(module, "FUNCTIONS", None), engine)
    options = [
        ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
        ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=_THREADS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    _leave_with_parent()
    server.wait_for_termination()
    return 0


def _leave_with_parent() -> None:
    """An engine that was killed leaves its plugins to init: end with it, so that nothing stays."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
