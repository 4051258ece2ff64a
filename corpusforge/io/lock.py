"""One writer a directory.

The lock keeps two runs apart on one machine (flock, so a killed run leaves none behind); object
stores have no such lock, and there the caller must not start two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from corpusforge.errors import RunError
from corpusforge.io import files

__all__ = ["holder", "lock"]

_TRIES, _WAIT = (
    5,
    0.02,
)  # `holder` takes the lock for microseconds; a run that starts then tries again


def holder(run: str) -> str:
    """Say which process holds the directory, "" where none does; for local directories only."""
    import fcntl

    path = Path(run) / "run.lock"
    if not path.exists():
        return ""
    with path.open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return stream.read().strip() or "another process"
    return ""


def _take(stream: TextIO) -> None:
    import fcntl

    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not left:
                raise
            time.sleep(_WAIT)
        else:
            return


@contextmanager
def lock(run: str) -> Iterator[None]:
    """Hold the run's directory; raises RunError where another process holds it."""
    files.make_directory(run)
    if files.is_remote(run):
        yield
        return
    with (Path(run) / "run.lock").open("a+") as stream:
        try:
            _take(stream)
        except OSError as error:
            stream.seek(0)
            who = stream.read().strip() or "another process"
            raise RunError(
                f"{run!r} is being written by {who}. Wait for it, or choose another --output."
            ) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()}")
        stream.flush()
        yield
        stream.truncate(0)
