"""The one way kernels are compiled: cached on disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["jit"]

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """Compile a kernel with numba: no Python objects, no GIL, cached beside the module.

    NUMBA_BOUNDSCHECK=1 in the environment turns on index checks; the tests run so once.
    """
    compiled: Any = numba.njit(cache=True, nogil=True)(function)
    return cast(F, compiled)
