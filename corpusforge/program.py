"""What a command does about its own process: signals from its first moment, and streams that are closed.

`start` is called before a command's slow imports (Beam, pyarrow: seconds on a busy machine), so that
Ctrl-C during them ends in one line as it does later; `ready` is called when they are done. A signal
that the process was started to ignore (`nohup`, a script's background job) stays ignored.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from corpusforge.errors import CorpusforgeError, InputError
from corpusforge.printing import flush, say

__all__ = [
    "DAMAGED",
    "Terminated",
    "fail",
    "guard",
    "leave",
    "ready",
    "start",
    "start_module",
    "stopped",
    "tell_damage",
]


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: whatever ends a run on Ctrl-C ends it now."""


_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
_DEFAULTS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
_AGAIN = "give the same command again to resume"
_owner = 0
"""The process that asked for these handlers; forks inherit them and end without a word."""


def start_module(*modules: str) -> None:
    """Call `start` where Python was started as `python -m MODULE`, MODULE being or lying in one of these.

    For a package's `__init__`, which runs before the module's own imports.
    """
    words = sys.orig_argv
    if sys.argv[:1] == ["-m"] and "-m" in words:  # Python is still looking for the module
        (name,) = words[words.index("-m") + 1 :][:1] or [""]
        if any(name == module or name.startswith(f"{module}.") for module in modules):
            start()


def start() -> None:
    """Answer SIGINT and SIGTERM with one line, and open closed standard streams to nowhere.

    A closed stream's number would go to the next file opened, and what a library prints to standard
    error would be written into it.
    """
    global _owner  # noqa: PLW0603 - one process, one owner
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    _owner = os.getpid()
    for name, default in _DEFAULTS.items():
        if signal.getsignal(name) == default:
            signal.signal(name, _leave)


def ready() -> None:
    """From now on a signal that `start` answers raises KeyboardInterrupt or `Terminated`."""
    for name in _DEFAULTS:
        if signal.getsignal(name) is _leave:
            signal.signal(name, _stop)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    if os.getpid() == _owner:
        os.write(2, f"{_WORDS[signal.Signals(number)]}; nothing was begun\n".encode())
    os._exit(128 + number)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    if os.getpid() != _owner:
        _leave(number, frame)
    signal.signal(number, _end)  # a second one ends the process at once
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


def _end(number: int, _: FrameType | None) -> NoReturn:
    """End now: whatever the first signal waits for is not waited for."""
    if os.getpid() == _owner:
        os.write(2, f"{_WORDS[signal.Signals(number)]} at once; {_AGAIN}\n".encode())
    os._exit(128 + number)


def stopped(cause: BaseException | None = None) -> int:
    """Print the line about a command that a signal ended, and return its exit code: 130 or 143.

    `cause` is the KeyboardInterrupt or `Terminated` that was caught.
    """
    number = signal.SIGTERM if isinstance(cause, Terminated) else signal.SIGINT
    say(f"{_WORDS[number]}; {_AGAIN}", error=True)
    return 128 + number


def fail(error: CorpusforgeError) -> int:
    """Print an error for a person and return its exit code."""
    first, *more = f"error: {error}".split("\n")
    say(first, *more, error=True)
    return error.exit_code


def guard(work: Callable[[], int | None]) -> int:
    """Do a command's work and return its exit code: what `work` returns (None is 0), 2 to 4 with a
    message where something is wrong, 130 or 143 with one line where a signal ended it.
    """
    try:
        ready()
        code = work() or 0
    except CorpusforgeError as error:
        code = fail(error)
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        if error.filename is None:
            raise
        code = fail(InputError(f"cannot open {error.filename!r}: {error.strerror}."))
    except KeyboardInterrupt as cause:
        code = stopped(cause)
    try:
        flush()
    except CorpusforgeError as error:
        code = fail(error)
    return code


def leave(code: int) -> NoReturn:
    """End this process with a code, once its work is done and told, and do not return.

    Arrow's threads that still read ahead meet the end of Python's own way out now and then: it ends by
    "terminate called without an active exception" (three of forty times beside other work).
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(code)


DAMAGED = 1
"""Exit code of a command that wrote its output, of inputs that were damaged: something is missing."""
_SHOWN = 20


def tell_damage(damaged: Sequence[str]) -> int:
    """Print one warning for each damaged input, twenty at most; return DAMAGED, 0 where there is none."""
    for line in damaged[:_SHOWN]:
        say(f"warning: {line}; what follows there is missing", error=True)
    if len(damaged) > _SHOWN:
        say(f"warning: and {len(damaged) - _SHOWN} more damaged inputs", error=True)
    return DAMAGED if damaged else 0
