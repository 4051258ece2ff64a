"""The one way kernels are compiled: cached on disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import event

from corpusforge import cputime

__all__ = ["jit"]

F = TypeVar("F", bound=Callable[..., Any])


class _Compiling(event.Listener):
    """The first document that needs a kernel does not pay for its compilation (`cputime`)."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []

    def on_start(self, event: event.Event) -> None:
        """Stop the clock of the document in hand."""
        self._ends.append(cputime.pause())

    def on_end(self, event: event.Event) -> None:
        """Let it go on."""
        self._ends.pop()()


event.register("numba:compile", _Compiling())  # type: ignore[no-untyped-call]


def jit(function: F) -> F:
    """Compile a kernel with numba: no Python objects, no GIL, cached beside the module.

    NUMBA_BOUNDSCHECK=1 in the environment turns on index checks; the tests run so once.
    """
    compiled: Any = numba.njit(cache=True, nogil=True)(function)
    return cast(F, compiled)
