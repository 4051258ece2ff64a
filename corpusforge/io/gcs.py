"""Google's object store before its client is asked: is it there, and has this machine credentials?

Google's client asks a machine of its own cloud for credentials again and again, some twenty seconds in
silence elsewhere, and then goes on without any, as public buckets allow. Limit: credentials are looked for,
not tried.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import socket
from pathlib import Path

from corpusforge.io.reach import check_reachable
from corpusforge.printing import say

__all__ = ["has_credentials", "prepare"]

_SECONDS = 2.0
"""Longest wait for the server that machines of Google's cloud have."""


@functools.cache
def prepare() -> None:
    """Say once what the client would be silent about. Raises InputError where nothing can be reached."""
    if importlib.util.find_spec("google") is None:
        return  # Beam says which extra is missing
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    check_reachable(emulator or "https://storage.googleapis.com", "Google Cloud Storage")
    if not emulator and not has_credentials():
        say(
            "no Google credentials here (GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default "
            "login`): gs:// is asked without them, after some 20 s in which Google's client looks for more",
            error=True,
        )


def has_credentials() -> bool:
    """Whether Google's client will find credentials: a file that is named, gcloud's, or a machine's own."""
    folder = os.environ.get("CLOUDSDK_CONFIG") or Path.home() / ".config" / "gcloud"
    own = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if own or (Path(folder) / "application_default_credentials.json").exists():
        return True
    host = os.environ.get("GCE_METADATA_IP", "169.254.169.254")
    try:
        socket.create_connection((host, 80), timeout=_SECONDS).close()
    except OSError:
        return False
    return True
