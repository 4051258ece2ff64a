"""A cap on the CPU time that one call may take, in any thread.

A watcher reads the CPU clock of the calling thread (never the wall clock, so a busy machine stops
nothing) and, past the cap, raises an exception inside it. Signals would work in the main thread
only, and Beam's workers run elsewhere.
Limits: the exception arrives between two bytecodes, so one long call into C code ends late; where
the system has no per-thread CPU clocks (macOS, Windows) there is no cap.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["OverTimeError", "within"]

T = TypeVar("T")


class OverTimeError(BaseException):
    """The cap was reached. Not an Exception: libraries that swallow those must not swallow this."""


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Make the thread raise an error at its next bytecode; None takes an undelivered one back."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(error) if error else None
    )


def _watch(thread: int, clock: int, end: float, done: threading.Event) -> None:
    """Sleep until the thread may have reached its end, look, and raise once where it has."""
    while not done.wait(max(end - time.clock_gettime(clock), 0.001)):
        if time.clock_gettime(clock) >= end:
            if not done.is_set():
                _raise_in(thread, OverTimeError)
            return


def within(seconds: float, function: Callable[[], T]) -> T:
    """Return the function's result; OverTimeError after so many seconds of this thread's CPU."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return function()
    thread = threading.get_ident()
    clock = time.pthread_getcpuclockid(thread)
    done = threading.Event()
    end = time.clock_gettime(clock) + seconds
    watcher = threading.Thread(target=_watch, args=(thread, clock, end, done), daemon=True)
    watcher.start()
    try:
        return function()
    finally:
        done.set()
        watcher.join()
        _raise_in(thread, None)
