"""The process: `python -m app`. It starts as many that serve as WEB_CONCURRENCY says."""

import os
import shutil
import signal
import sys
import tempfile

import uvicorn

from . import settings
from .environment import Misconfigured

# The longest answer that /api/v1/slow gives is 25 s: a stop waits for it.
LONGEST_STOP = 28
# Longer than the proxy in front keeps an idle connection: the one that closes it must not be the one that is asked.
KEEP_ALIVE = 75


def main() -> None:
    # Uvicorn ends with the signal that stopped it. A process that was told to stop and did so has not failed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        settings.read()
        workers = settings.workers()
    except Misconfigured as wrong:
        sys.exit(str(wrong))
    metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="metrics-")
    try:
        uvicorn.run(
            "app.worker:application",
            host="0.0.0.0",
            port=int(os.environ.get("PORT", "8000")),
            workers=workers,
            log_config=None,
            access_log=False,  # the proxy in front writes it
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=LONGEST_STOP,
            timeout_worker_healthcheck=30,  # a host that is busy with a release is no reason to kill who serves
        )
    finally:
        shutil.rmtree(metrics, ignore_errors=True)


if __name__ == "__main__":
    main()
