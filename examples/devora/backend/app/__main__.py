"""The process: `python -m app`."""

import logging
import os
import signal
import sys

import uvicorn

from . import api, settings
from .environment import Misconfigured

# The longest answer that /api/slow gives is 25 s: a stop waits for it.
LONGEST_STOP = 28
# Longer than the proxy in front keeps an idle connection: the one that closes it must not be the one that is asked.
KEEP_ALIVE = 75


def main() -> None:
    # Uvicorn ends with the signal that stopped it. A process that was told to stop and did so has not failed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = _server(settings.read())
    except Misconfigured as wrong:
        sys.exit(str(wrong))
    server.run()


def _server(found: settings.Settings) -> uvicorn.Server:
    logging.basicConfig(
        stream=sys.stdout,
        level=found.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )
    server = uvicorn.Server(
        uvicorn.Config(
            api.make(found, ending=lambda: server.should_exit),
            host="0.0.0.0",
            port=int(os.environ.get("PORT", "8000")),
            log_config=None,
            access_log=False,  # the proxy in front writes it
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=LONGEST_STOP,
            ws_max_size=api.LARGEST_BODY,
        )
    )
    return server


if __name__ == "__main__":
    main()
