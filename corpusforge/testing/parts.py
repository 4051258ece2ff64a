"""Work functions for tests of runners: workers find them by name, as they find the real ones."""

from __future__ import annotations

import os
import signal

from corpusforge.io import files
from corpusforge.run.stage import Made, Part

__all__ = ["kill_second", "write_process"]


def write_process(part: Part) -> Made:
    """Write the part's number and the process that made it."""
    path = f"{part.stage}/{part.name}.txt"
    files.write_bytes(files.join(part.run, path), f"{part.index} {os.getpid()}\n".encode())
    return Made(outputs={path: 1}, documents=1)


def kill_second(part: Part) -> Made:
    """Kill the process at part 1, as the system does when memory runs out; else `write_process`."""
    if part.index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return write_process(part)
