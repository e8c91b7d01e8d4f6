#!/usr/bin/env python
"""Has this release's worker, or its beat, started to work? Exit code 0 when it has.

    python ready.py worker
    python ready.py beat

Imports no Django, so that a platform may ask it once a second.
"""

import os
import sys

import redis


def main() -> int:
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role not in ("worker", "beat"):
        print("usage: ready.py worker|beat", file=sys.stderr)
        return 2
    key = f"familyflow:ready:{role}:{os.environ.get('SLIPWAY_RELEASE', 'local')}"
    client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_connect_timeout=2, socket_timeout=2, retry=None)
    try:
        return 0 if client.exists(key) else 1
    except redis.RedisError as error:
        print(f"redis does not answer: {type(error).__name__}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
