"""A stage made by this process: its parts one after another, without a runner between.

The main thread makes them. It is the one that signals reach: Ctrl-C, and the bound on a document's CPU time,
which there ends single calls too (`cputime`). Progress is told from another thread.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from corpusforge.errors import CorpusforgeError, EngineError, InputError
from corpusforge.io import files
from corpusforge.run.crash_isolation import CRASHES
from corpusforge.run.stage import Part, Stage, error_path, run_part

__all__ = [
    "IN_MEMORY_BYTES", "LOCAL", "WorkerDied", "check_workers", "make_here", "worth_forking",
]  # fmt: skip

LOCAL = ("", "DirectRunner", "SwitchingDirectRunner", "FnApiRunner")
"""Names of the runner on this machine."""

IN_MEMORY_BYTES = 12_000_000
"""Stages with less input than this, times their pace, run in this process. `documents` takes in so much in a
second where it is quickest (plain text, short rules); two workers save half of it, and cost about as much as
they save: `benchmarks.scaling` measures that."""


class WorkerDied(EngineError):
    """A local worker process ended without finishing; the runner would wait for it for ever.

    `crashed`: by a signal of native code, so that the same command again isolates the record.
    """

    def __init__(self, stage: str, status: int) -> None:
        self.crashed = status - 128 in CRASHES
        name = signal.Signals(status - 128).name if 128 < status < 160 else f"status {status}"
        advice = "" if self.crashed else ", with fewer --workers if memory was short"
        why = "crashed" if self.crashed else "was killed (out of memory?)"
        super().__init__(
            f"a worker process of stage {stage!r} {why}: {name}. Finished parts are kept: give the same "
            f"command again{advice}."
        )


def check_workers(workers: int) -> None:
    """Raise InputError for a number of processes that is none."""
    if workers < 1:
        raise InputError(f"--workers is {workers}; expected at least 1.")


def worth_forking(stage: Stage, parts: Sequence[Part], workers: int) -> bool:
    """Whether local workers make these parts sooner than this process does."""
    size = sum(part.size for part in parts)
    return workers > 1 and len(parts) > 1 and size > IN_MEMORY_BYTES * stage.pace


def make_here(
    stage: Stage, parts: Sequence[Part], watch: Callable[[Stage], None] | None = None
) -> None:
    """Make the parts of a stage; the first that fails ends it, and its error file says why."""
    with _watching(stage, watch):
        for part in parts:
            try:
                run_part(stage.work, part)
            except CorpusforgeError:
                if not files.exists(error_path(part)):  # a full disk takes no such file either
                    raise
                return
            except Exception:
                return


@contextmanager
def _watching(stage: Stage, watch: Callable[[Stage], None] | None) -> Iterator[None]:
    """Have progress told about five times a second from a thread of its own."""
    if watch is None:
        yield
        return
    done = threading.Event()

    def tell() -> None:
        while not done.wait(0.2):
            watch(stage)

    thread = threading.Thread(target=tell, name=f"watch-{stage.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
