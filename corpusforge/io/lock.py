"""One writer a directory.

The lock keeps two runs apart on one machine (flock, so a killed run leaves none behind); object
stores have no such lock, and there the caller must not start two.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpusforge.errors import RunError
from corpusforge.io import files

__all__ = ["lock"]


@contextmanager
def lock(run: str) -> Iterator[None]:
    """Hold the run's directory; raises RunError where another process holds it."""
    files.make_directory(run)
    if files.is_remote(run):
        yield
        return
    import fcntl

    with (Path(run) / "run.lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            stream.seek(0)
            holder = stream.read().strip() or "another process"
            raise RunError(
                f"{run!r} is being written by {holder}. Wait for it, or choose another --output."
            ) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()}")
        stream.flush()
        yield
        stream.truncate(0)
