"""Google's object store, made to say what its clients are silent about, and to delete one object.

Beam asks for credentials five times, some twenty seconds in silence where there are none, before it goes on
without, as public buckets allow; here Google's library is asked once. Limit: what Google's client retries
later (errors of the server) it retries by its own patience.
"""

from __future__ import annotations

import functools
import importlib
import os

from corpusforge.io.reach import check_reachable
from corpusforge.printing import say

__all__ = ["delete", "prepare"]


@functools.cache
def prepare() -> None:
    """Look for the store and for credentials, once. Raises InputError where nothing can be reached."""
    try:
        auth = importlib.import_module("google.auth")
    except ImportError:
        return  # Beam says which extra is missing
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    check_reachable(emulator or "https://storage.googleapis.com", "Google Cloud Storage")
    try:
        if not emulator:
            auth.default()
            return
    except auth.exceptions.DefaultCredentialsError:
        say(
            "no Google credentials here (GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default "
            "login`): gs:// is asked without them",
            error=True,
        )
    beam = importlib.import_module("apache_beam.internal.gcp.auth")
    beam._Credentials._credentials_init = True  # Beam would look four times more


def delete(path: str) -> None:
    """Delete one object; Beam's file system does it by a call for many, which not every server takes."""
    importlib.import_module("apache_beam.io.gcp.gcsio").GcsIO().delete(path)
