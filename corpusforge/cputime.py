"""A bound on the CPU time of one document, in any verb: over it the document fails, and nothing else.

`within` gives a call so many seconds of its thread's CPU clock, never of the wall's, so a busy machine
stops nothing. Over the bound, `OverTimeError` is raised inside the call. How it gets there:

- in the main thread by a timer on the thread's CPU clock and a signal (SIGPROF), which ends loops of
  Python and single calls that look for signals (the `re` module does, numba's kernels do not);
- in other threads (Beam's) by a watcher, between two bytecodes;
- a call into C that heeds neither is ended with its process: a second timer of the thread sends SIGVTALRM,
  which kills, some `GRACE` seconds later. A run then makes that part again in a process of its own, and
  finds the record (`run.guard`).

A bound inside another stops the outer one's clock, so each document has a time of its own in the time of
its batch. Compiling a kernel counts for nothing. Costs about 3 µs a call inside `region`, 10 µs outside.
Limits: Linux; where there are no timers on a thread's clock (macOS, Windows) nothing is bounded. Waiting
(for a disk, a lock) is no CPU time.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

__all__ = [
    "CPU_SECONDS",
    "GRACE",
    "MEGABYTE",
    "Bound",
    "OverTimeError",
    "each",
    "earn",
    "pause",
    "region",
    "within",
]

T = TypeVar("T")

CPU_SECONDS = 30.0
"""Default of every verb's `cpu_seconds`: what a document of up to a megabyte may take, and once more for
each further one. The slowest real documents of benchmarks/results.d/cpu_bound.md took a hundredth of it."""
MEGABYTE = 1_000_000
GRACE = 30.0
"""Seconds between the exception and the killing signal, which comes at most as much again later."""
_WATCH, _IDLE = 0.1, 20
"""Seconds of the wall clock between two looks of the watcher; looks at nothing after which it ends."""


class OverTimeError(BaseException):
    """The bound was reached. Not an Exception: libraries that swallow those must not swallow this.

    `place`: the number that `each` gave the document in hand, None outside of it; `size`: its size.
    """

    place: int | None = None
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Bound:
    """What a verb's setting grants: `seconds` for a document of up to a megabyte, in proportion beyond.

    `name` is the setting's, as a failed row tells it: "filter.cpu_seconds".
    """

    name: str
    seconds: float

    def of(self, size: float) -> float:
        """Return the seconds of a document of so many bytes (characters where it is text)."""
        return self.seconds * max(1.0, size / MEGABYTE)

    def told(self, size: float) -> str:
        """Return what a failed row says: the bound's name and value, and what it came to."""
        more = f", {self.of(size):g} s for {size / 1e6:.1f} MB" if size > MEGABYTE else ""
        return f"over {self.name} = {self.seconds:g} s of CPU time{more}"

    def within(self, size: float, function: Callable[[], T]) -> T:
        """Return the function's result; OverTimeError where a document of this size takes too long."""
        return within(self.of(size), function, bound=self)

    @classmethod
    def check(cls, name: str, seconds: float) -> str:
        """Return what is wrong with the value of a setting `NAME.cpu_seconds`; "" where nothing is."""
        if seconds > 0:
            return ""
        return (
            f"{name}.cpu_seconds = {seconds!r}: expected CPU seconds above 0 for each megabyte of a "
            f"document; the default is {CPU_SECONDS:g}."
        )


@dataclass(slots=True, eq=False)
class _Frame:
    """One call under way: when it ends on the thread's clock while it is the innermost one."""

    outer: _Frame | None
    end: float
    rate: float = 0.0
    bound: Bound | None = None
    open: bool = False  # whether an exception may be raised
    left: float = 0.0  # of an outer one: what it has left
    place: int | None = None
    size: float = 0.0
    fired: bool = False


class _Spec(ctypes.Structure):
    """`struct itimerspec`: interval and value, each of seconds and nanoseconds."""

    _fields_ = [(name, ctypes.c_long) for name in ("again", "again_ns", "value", "value_ns")]


class _Event(ctypes.Structure):
    """`struct sigevent`, 64 bytes: SIGEV_SIGNAL is 0."""

    _fields_ = [
        ("value", ctypes.c_void_p), ("signal", ctypes.c_int), ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * 48),
    ]  # fmt: skip


_BOUNDED = sys.platform == "linux" and hasattr(time, "pthread_getcpuclockid")
_libc: Any = ctypes.CDLL(None, use_errno=True) if _BOUNDED else None


class _Timer:
    """A timer on the calling thread's CPU clock that sends the process a signal."""

    def __init__(self, number: int) -> None:
        clock = time.pthread_getcpuclockid(threading.get_ident())
        self._id = ctypes.c_void_p()
        event = _Event(None, number, 0)
        if _libc.timer_create(clock, ctypes.byref(event), ctypes.byref(self._id)):
            raise OSError(ctypes.get_errno(), "timer_create")
        self._spec = _Spec()
        self._pointer = ctypes.byref(self._spec)

    def set(self, end: float) -> None:
        """Ring once when the clock says `end`; never where that is infinite."""
        seconds = 0.0 if math.isinf(end) else max(end, 1e-9)
        self._spec.value = int(seconds)
        self._spec.value_ns = max(int(seconds % 1 * 1e9), int(0 < seconds < 1e-8))
        _libc.timer_settime(self._id, 1, self._pointer, None)

    def close(self) -> None:
        """Give the timer back."""
        if _libc is not None:  # else the interpreter is ending
            _libc.timer_delete(self._id)


class _State:
    """What is under way in one thread. `soft` rings not later than the frame's end, `hard` later."""

    def __init__(self) -> None:
        self.frame: _Frame | None = None
        self.thread = threading.get_ident()
        self.clock = time.pthread_getcpuclockid(self.thread)
        self.soft: _Timer | None = None
        self.hard: _Timer | None = None
        self.soft_at = self.hard_at = math.inf
        self.watched = False
        if threading.current_thread() is threading.main_thread():
            known = signal.getsignal(signal.SIGPROF)
            if known in (signal.SIG_DFL, _ring):  # else a profiler has it
                signal.signal(signal.SIGPROF, _ring)
                self.soft = _Timer(signal.SIGPROF)
        if signal.getsignal(signal.SIGVTALRM) is signal.SIG_DFL:
            self.hard = _Timer(signal.SIGVTALRM)

    def __del__(self) -> None:
        for timer in (self.soft, self.hard):
            if timer is not None:
                timer.close()

    def aim(self, end: float) -> None:
        """See to it that somebody looks at the clock when it says `end`."""
        if end == math.inf:
            return
        if self.soft is None:
            if not self.watched:
                _watch(self)
        elif end < self.soft_at:
            self.soft_at = end
            self.soft.set(end)
        if self.hard is not None and not end + GRACE <= self.hard_at < math.inf:
            self.hard_at = end + 2 * GRACE
            self.hard.set(self.hard_at)

    def rest(self) -> None:
        """Nothing is bounded any more: no timer rings."""
        self.watched = False
        if self.soft is not None and self.soft_at != math.inf:
            self.soft_at = math.inf
            self.soft.set(math.inf)
        if self.hard is not None and self.hard_at != math.inf:
            self.hard_at = math.inf
            self.hard.set(math.inf)


_local = threading.local()


def _here() -> _State:
    try:
        return _local.state
    except AttributeError:
        _local.state = _State()
        return _here()


def _forked() -> None:
    """A forked process has neither the timers of its parent nor the watcher."""
    global _lock, _watching
    _local.__dict__.clear()
    _watched.clear()
    _lock, _watching = threading.Lock(), False


def _enter(seconds: float, rate: float = 0.0) -> _Frame:
    own = _here()
    now = time.thread_time()
    outer = own.frame
    if outer is not None:
        outer.left = outer.end - now
    own.frame = frame = _Frame(outer, now + seconds, rate)
    own.aim(frame.end)
    return frame


def _leave(frame: _Frame) -> None:
    """Back to what was under way around the frame, whatever inside it was given up."""
    own = _here()
    outer = frame.outer
    if outer is None:
        own.frame = None
        own.rest()
    else:
        outer.end = time.thread_time() + outer.left
        own.frame = outer
        own.aim(outer.end)


def within(
    seconds: float, function: Callable[[], T], rate: float = 0.0, bound: Bound | None = None
) -> T:
    """Return the function's result; OverTimeError after so many seconds of this thread's CPU.

    `rate`: seconds more for each byte that the function says it has read (`earn`). `bound`: of each
    document that it goes through (`each`).
    """
    if not _BOUNDED:
        return function()
    frame = _enter(seconds, rate)
    frame.bound = bound
    came = False
    try:
        frame.open = True
        return function()
    except OverTimeError as error:
        came = True
        inner = _here().frame  # the one that rang
        if error.place is None and inner is not None and inner is not frame:
            error.place, error.size = inner.place, inner.size
        raise
    finally:
        frame.open = False
        if not came and _here().soft is None:
            _take(frame)
        _leave(frame)


def _take(frame: _Frame) -> None:
    """Take an exception that the watcher has sent and that has not come: it must not come later.

    Not by setting None in its place: CPython 3.11 then believes for ever that one is under way, and a
    traced program stands still.
    """
    inner = _here().frame
    while inner is not None:
        if inner.fired:
            with suppress(OverTimeError):
                for _ in range(1000):  # every step back is a place where it may come
                    pass
            return
        inner = None if inner is frame else inner.outer


@contextmanager
def region() -> Iterator[None]:
    """Make many short calls of `within` cheaper: timers are set now and then, not for each.

    In between, no call into C of `GRACE` seconds of CPU time may stand in the region.
    """
    if not _BOUNDED:
        yield
        return
    frame = _enter(math.inf)
    try:
        yield
    finally:
        _leave(frame)


def each(texts: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield pairs of a document's place and text; each has a time of its own while the caller holds it.

    Only inside a call of `Bound.within`, whose error then names the place; elsewhere nothing is bounded.
    """
    thread = _here() if _BOUNDED else None
    bound = thread.frame.bound if thread and thread.frame else None
    if thread is None or bound is None:
        yield from texts
        return
    frame = _enter(math.inf)
    frame.open = True
    try:
        for place, text in texts:
            frame.place, frame.size = place, len(text)
            frame.end = time.thread_time() + bound.of(frame.size)
            thread.aim(frame.end)
            yield place, text
    finally:
        if thread.frame is frame and not frame.fired:  # else `within` asks it for the place
            frame.open = False
            _leave(frame)


def earn(size: int) -> None:
    """Say that so many bytes were read: calls that were given a rate get time for them."""
    thread = _here() if _BOUNDED else None
    if thread is not None and thread.frame is not None and thread.frame.rate:
        thread.frame.end += thread.frame.rate * size
        thread.aim(thread.frame.end)


def pause() -> Callable[[], None]:
    """What is done from now on counts for no document: a kernel is compiled. Returns what ends that."""
    if not _BOUNDED or _here().frame is None:
        return lambda: None
    frame = _enter(math.inf)
    _here().rest()
    return lambda: _leave(frame)


def _ring(_: int, __: FrameType | None) -> None:
    """SIGPROF has come to the main thread: raise where its call is over, else look again in time."""
    own = _here()
    frame, own.soft_at = own.frame, math.inf
    if frame is None or frame.fired:
        return
    now = time.thread_time()
    if frame.open and now >= frame.end:
        frame.fired = True
        raise OverTimeError
    own.aim(max(frame.end, now + 0.01))


_lock = threading.Lock()
_watched: list[_State] = []
_watching = False


def _watch(state: _State) -> None:
    """Have the watcher look at this thread until it rests."""
    global _watching  # noqa: PLW0603 - one watcher a process
    state.watched = True
    with _lock:
        if state not in _watched:
            _watched.append(state)
        if not _watching:
            _watching = True
            threading.Thread(target=_look, name="cputime", daemon=True).start()


def _look() -> None:
    """Raise in threads whose call is over; end when none was watched for a while."""
    global _watching  # noqa: PLW0603 - one watcher a process
    idle = 0
    while idle < _IDLE:
        time.sleep(_WATCH)
        with _lock:
            _watched[:] = [state for state in _watched if state.watched]
            for state in _watched:
                _look_at(state)
            idle = 0 if _watched else idle + 1
            _watching = idle < _IDLE


def _look_at(state: _State) -> None:
    frame = state.frame
    if frame is None or not frame.open or frame.fired:
        return
    try:
        over = time.clock_gettime(state.clock) >= frame.end
    except OSError:  # the thread has ended
        state.watched = False
        return
    if over and frame.open and frame is state.frame:
        frame.fired = True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(state.thread), ctypes.py_object(OverTimeError)
        )


if _BOUNDED:
    os.register_at_fork(after_in_child=_forked)
