"""`python -m rehearsal.managed.retire DIRECTORY SOCKET DRAIN GRACE ID …`: the end of instances that are replaced.

They go on with what they do for DRAIN seconds, are told to stop, and after GRACE seconds more are killed.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rehearsal.docker import Docker
from rehearsal.managed.servers import Servers
from rehearsal.model import CloudError
from rehearsal.state import Store


def main(directory: str, socket: str, drain: int, grace: int, identifiers: list[str]) -> None:
    """Everything at once. What somebody else has removed meanwhile is no error."""
    servers = Servers(Docker(socket or None), Store(Path(directory)), "", (), _no_image)
    time.sleep(drain)

    def end(identifier: str) -> None:
        record = servers.store.read().servers.get(identifier)
        for container in record.containers.values() if record else ():
            servers.docker.call("stop", f"--time={grace}", container, timeout=grace + 30, check=False)
        servers.remove(identifier)

    with ThreadPoolExecutor(max(1, len(identifiers))) as pool:
        list(pool.map(end, identifiers))


def _no_image() -> str:
    raise CloudError("nothing is started here")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
