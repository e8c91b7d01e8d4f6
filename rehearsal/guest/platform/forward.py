#!/usr/bin/env python3
"""Forwards an app's logs: each line that comes by UDP goes to every destination, over TLS or plain TCP.

`forward.py PORT AUTHORITIES NAME DESTINATION …`, a destination as syslog+tls://host:port, its certificate by one of the
authorities. NAME takes the place of the machine's name in each line. What no destination takes is kept, up to a limit:
logs never hold an app up.
"""

import queue
import socket
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit

MOST_LINES = 10_000
LONGEST_WAIT = 10.0


def connect(destination: str, authorities: str) -> socket.socket:
    """A connection, the certificate checked against the name."""
    place = urlsplit(destination)
    plain = socket.create_connection((place.hostname or "", place.port or 514), timeout=10)
    if not place.scheme.endswith("tls"):
        return plain
    return ssl.create_default_context(cafile=authorities).wrap_socket(plain, server_hostname=place.hostname)


def named(line: bytes, name: str) -> bytes:
    """The line of RFC 5424 (priority and version, time, host, the rest) with another host."""
    words = line.split(b" ", 3)
    return b" ".join([*words[:2], name.encode(), *words[3:]]) if len(words) == 4 else line


def send(destination: str, authorities: str, lines: "queue.Queue[bytes]") -> None:
    """Sends for ever; a line that could not be sent is sent again."""
    wait, connection, line = 0.5, None, None
    while True:
        line = line or lines.get()
        try:
            connection = connection or connect(destination, authorities)
            connection.sendall(line.rstrip(b"\n") + b"\n")
            line, wait = None, 0.5
        except OSError as error:
            print(f"{destination}: {error}", file=sys.stderr, flush=True)
            connection = None
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)


def main() -> None:
    """See the module's text."""
    port, authorities, name, destinations = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    queues: list[queue.Queue[bytes]] = [queue.Queue(MOST_LINES) for _ in destinations]
    for destination, lines in zip(destinations, queues, strict=True):
        threading.Thread(target=send, args=(destination, authorities, lines), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as incoming:
        incoming.bind(("", port))
        while True:
            line = named(incoming.recv(65536), name)
            for lines in queues:
                if not lines.full():
                    lines.put(line)


if __name__ == "__main__":
    main()
