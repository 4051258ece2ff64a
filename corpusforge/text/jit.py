"""Kernels: functions over arrays that numba compiles when they are first called, and not before.

Importing numba takes more than half of a command that has nothing to compute, so a kernel is a name with a
function until it is called; `compiler` then makes it, or reads it from the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, TypeVar, cast

__all__ = ["Intrinsic", "Kernel", "inline", "jit"]

F = TypeVar("F", bound=Callable[..., Any])


class Kernel:
    """A function to be compiled; in other kernels numba knows it by its type."""

    def __init__(self, function: Callable[..., Any], *, inlined: bool) -> None:
        update_wrapper(self, function)
        self.py_func, self._inlined = function, inlined

    @cached_property
    def compiled(self) -> Any:
        """What calls go to: numba's dispatcher, or the function itself where NUMBA_DISABLE_JIT is set."""
        from corpusforge.text import compiler

        return compiler.kernel(self.py_func, inlined=self._inlined)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the compiled function, which is compiled, or read from the cache, the first time."""
        return self.compiled(*args, **kwargs)

    @property
    def _numba_type_(self) -> Any:
        return self.compiled._numba_type_

    def __reduce__(self) -> str:
        """Pickle it by its name, as functions are."""
        return self.__qualname__  # type: ignore[attr-defined]


class Intrinsic:
    """Instructions of the processor that kernels call by name; Python cannot."""

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    @cached_property
    def _numba_type_(self) -> Any:
        from corpusforge.text import compiler

        return compiler.intrinsic_type(self._build)


def jit(function: F) -> F:
    """Compile a function with numba at its first call: no Python objects, no GIL, kept on disk."""
    return cast(F, Kernel(function, inlined=False))


def inline(function: F) -> F:
    """Compile as `jit` does; in the kernels that call it no call is left, however large it is.

    For what is called per word or tag: a call hands over seven numbers per array.
    """
    return cast(F, Kernel(function, inlined=True))
