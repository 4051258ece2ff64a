"""The one way kernels are compiled: cached on disk, without the interpreter lock.

A cached file that a power cut or a full disk has damaged is as good as none: numba would raise what its
pickle raises, at every start. Limit: damage inside machine code that unpickles all the same is not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import IndexDataCacheFile

__all__ = ["jit"]

F = TypeVar("F", bound=Callable[..., Any])


_Numbas: Any = IndexDataCacheFile  # numba carries no types


class _CacheFile(_Numbas):
    """Numba's files of one kernel, of which the worst that can be said is that they are not there."""

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except Exception:  # whatever a pickle of other bytes raises
            return {}

    def _load_data(self, name: str) -> Any:
        try:
            return super()._load_data(name)
        except Exception as error:
            raise OSError(f"{name} is damaged") from error  # numba compiles again

    def save(self, key: Any, data: Any) -> None:
        """Keep compiled code, where there is room for it."""
        with suppress(OSError):
            super().save(key, data)


def jit(function: F) -> F:
    """Compile a kernel with numba: no Python objects, no GIL, cached beside the module.

    NUMBA_BOUNDSCHECK=1 in the environment turns on index checks; the tests run so once.
    """
    compiled: Any = numba.njit(cache=True, nogil=True)(function)
    kept = getattr(compiled._cache, "_cache_file", None)  # none where no directory can be written
    if kept is not None:
        kept.__class__ = _CacheFile
    return cast(F, compiled)
