"""The process: `python -m app`."""

import os
import signal
import sys

import sentry_sdk
import uvicorn

from . import api, settings
from .environment import Misconfigured
from .logs import start_logging
from .release import VERSION

# The longest answer that /slow gives is 28 s: a stop waits for it, and is over before the platform's 30 s are.
LONGEST_STOP = 29
# Longer than a proxy in front keeps an idle connection: the one that closes it must not be the one that is asked.
KEEP_ALIVE = 75


def main() -> None:
    # Uvicorn ends with the signal that stopped it. A process that was told to stop and did so has not failed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        found = settings.read()
    except Misconfigured as wrong:
        sys.exit(str(wrong))
    start_logging()
    if found.sentry_dsn:
        sentry_sdk.init(
            dsn=found.sentry_dsn,
            environment=found.environment,
            release=VERSION,
            send_default_pii=False,
            auto_session_tracking=False,  # which counts requests, and sends them when the process has to stop
            shutdown_timeout=1,  # what Sentry has not taken by then is in the log
        )
    uvicorn.run(
        api.make(found),
        host="0.0.0.0",
        port=int(os.environ.get("PORT", "8000")),
        log_config=None,
        access_log=False,  # app.logs writes it
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LONGEST_STOP,
    )


if __name__ == "__main__":
    main()
