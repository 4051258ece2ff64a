"""What Beam starts as "a worker": asks the fork server for a child and waits for its end.

It imports nothing but the standard library's smallest modules, so it starts in about 15 ms.
"""

import json
import os
import socket
import sys
import time

_NAMES = (
    "CONTROL_API_SERVICE_DESCRIPTOR",
    "LOGGING_API_SERVICE_DESCRIPTOR",
    "PIPELINE_OPTIONS",
    "WORKER_ID",
)


def connect(path: str, patience: float = 120.0) -> socket.socket:
    """Connect to the server's socket, waiting for it to be warm; raises OSError after `patience` s."""
    end = time.monotonic() + patience
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return connection


def main() -> int:
    """Send this process's worker environment to the server; return the child's exit status."""
    connection = connect(sys.argv[1])
    request = json.dumps({name: os.environ[name] for name in _NAMES if name in os.environ})
    connection.sendall(request.encode() + b"\n")
    answer = connection.recv(16)
    return int(answer) if answer else 1


if __name__ == "__main__":
    sys.exit(main())
