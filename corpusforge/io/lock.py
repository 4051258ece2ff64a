"""One writer a directory, or many that each hold one part of it.

The lock keeps two runs apart on one machine, and on every machine that sees a file system whose flock reaches
them all (NFS, Lustre with `flock`, BeeGFS). A killed process leaves none behind. Object stores have no such
lock, and there the caller must not start two.
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

__all__ = ["beside_others", "held", "holder", "lock", "shared"]

_TRIES, _WAIT = 5, 0.02
"""`holder` and `shared` take the lock for microseconds: who wants it meanwhile tries again, seconds later."""


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


def shared(run: str) -> bool:
    """Whether processes hold the directory together (`beside_others`); for local directories only."""
    path = Path(run) / "run.lock"
    if not path.exists() or holder(run):
        return False
    with path.open() as stream:
        try:
            _take(stream)
        except OSError:
            return True
    return False


def _take(stream: TextIO, *, together: bool = False) -> None:
    import fcntl

    how = fcntl.LOCK_SH if together else fcntl.LOCK_EX
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(stream, how | fcntl.LOCK_NB)
        except OSError:
            if not left:
                raise
            time.sleep(_WAIT)
        else:
            return


def _taken(run: str, stream: TextIO, advice: str) -> RunError:
    stream.seek(0)
    who = stream.read().strip() or "another process"
    return RunError(f"{run!r} is being written by {who}. {advice}")


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
            raise _taken(run, stream, "Wait for it, or choose another --output.") from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()}")
        stream.flush()
        yield
        stream.truncate(0)


@contextmanager
def beside_others(run: str) -> Iterator[None]:
    """Hold the directory together with others that do the same; raises RunError while `lock` is held."""
    files.make_directory(run)
    if files.is_remote(run):
        yield
        return
    with (Path(run) / "run.lock").open("a+") as stream:
        try:
            _take(stream, together=True)
        except OSError as error:
            raise _taken(run, stream, "Wait for it.") from error
        yield


@contextmanager
def held(path: str) -> Iterator[bool]:
    """Hold a file's lock, and give whether it is ours; True in an object store, which has none.

    A lock file that a finishing run has deleted meanwhile counts as somebody else's.
    """
    import fcntl

    if files.is_remote(path):
        yield True
        return
    with Path(path).open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield (
                Path(path).exists() and os.fstat(stream.fileno()).st_ino == Path(path).stat().st_ino
            )
