"""Work functions for tests of runners: workers find them by name, as they find the real ones."""

from __future__ import annotations

import os
import signal

from corpusforge.io import files
from corpusforge.run.stage import Part, PartResult

__all__ = [
    "count_documents",
    "divide_by_zero",
    "kill_once",
    "kill_second",
    "wait_second",
    "write_process",
]


def write_process(part: Part) -> PartResult:
    """Write the part's number and the process that made it."""
    path = f"{part.stage}/{part.name}.txt"
    files.write_bytes(files.join(part.run, path), f"{part.index} {os.getpid()}\n".encode())
    return PartResult(outputs={path: 1}, documents=1)


def kill_second(part: Part) -> PartResult:
    """Kill the process at part 1, as the system does when memory runs out; else `write_process`."""
    if part.index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return write_process(part)


def kill_once(part: Part) -> PartResult:
    """At part 1, the first time, kill the process whose number the settings give; then `write_process`."""
    path = files.join(part.run, f"{part.name}.killed")
    if part.index == 1 and not files.exists(path):
        files.write_bytes(path, b"")
        os.kill(part.settings[0] or os.getpid(), signal.SIGKILL)
    return write_process(part)


def divide_by_zero(part: Part) -> PartResult:
    """Fail at part 1 as a defect does; else `write_process`."""
    if part.index == 1:
        raise ZeroDivisionError("division by zero")
    return write_process(part)


def count_documents(part: Part) -> PartResult:
    """`write_process` with a ledger: three documents seen, two kept, one dropped."""
    made = write_process(part)
    account = made.ledger.of("ingest", part.stage)
    account.seen, account.kept = 3, 2
    account.dropped["odd"] = 1
    return made


def wait_second(part: Part) -> PartResult:
    """At part 1 write this process's number and wait for a signal; else `write_process`."""
    if part.index == 1:
        path = files.join(part.run, part.stage, f"{part.name}.pid")
        files.write_bytes(path, str(os.getpid()).encode())
        signal.pause()
    return write_process(part)
