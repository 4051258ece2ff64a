"""Whether a server answers at all, asked once and with an end: clients of object stores try for minutes.

Limit: where a proxy is set nothing is asked, for only the proxy can tell.
"""

from __future__ import annotations

import functools
import socket
import threading
import urllib.request
from urllib.parse import urlsplit

from corpusforge.errors import InputError

__all__ = ["SECONDS", "check_reachable"]

SECONDS = 8.0
"""Longest wait for a name and a connection together."""


@functools.cache
def check_reachable(url: str, what: str) -> None:
    """Raise InputError, saying that `what` cannot be reached, where nothing accepts connections at a URL."""
    parts = urlsplit(url)
    if parts.scheme in urllib.request.getproxies():
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found: list[OSError | None] = []

    def connect() -> None:
        try:
            socket.create_connection((parts.hostname or "", port), timeout=SECONDS).close()
            found.append(None)
        except OSError as error:
            found.append(error)

    # a thread, for the look-up of a name has no time-out of its own
    thread = threading.Thread(target=connect, name=f"reach-{parts.hostname}", daemon=True)
    thread.start()
    thread.join(SECONDS)
    error = found[0] if found else TimeoutError(f"no answer in {SECONDS:g} s")
    if error is not None:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{what} cannot be reached at {parts.scheme}://{parts.netloc}: {reason}.")
