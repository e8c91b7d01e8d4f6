#!/usr/bin/env python3
"""Stands in for a service that collects logs: takes syslog over TLS, and keeps the lines in a file.

`receive.py PORT CERTIFICATE FILE`: the certificate with its key.
"""

import socketserver
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

_writing = threading.Lock()


class Lines(socketserver.StreamRequestHandler):
    """One connection: a line is a message."""

    def handle(self) -> None:
        """Keep each line as it comes."""
        for line in self.rfile:
            with _writing, Path(sys.argv[3]).open("ab") as kept:
                kept.write(line)


class Receiver(socketserver.ThreadingTCPServer):
    """Ends TLS on every connection, in the connection's own thread."""

    allow_reuse_address = True
    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        """A connection that is no TLS is closed by its exception."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
        with context.wrap_socket(request, server_side=True) as wrapped:
            Lines(wrapped, client_address, self)


if __name__ == "__main__":
    Path(sys.argv[3]).touch(mode=0o600)
    with Receiver(("", int(sys.argv[1])), Lines) as receiver:
        receiver.serve_forever()
