"""What a command that makes a whole run does to its own process first: load less, collect less.

Two libraries look for others that nothing of a run uses: pyarrow for pandas at its first array,
numba for SciPy's BLAS at its first kernel. Both go without where those are not loaded already.
And objects that imports left, some 270,000, are taken from the garbage collector, which would
look at all of them again and again. Limit: for a process of our own, never inside another program.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

import pyarrow as pa

__all__ = ["lean"]

_UNUSED = ("pandas", "scipy")
_YOUNG = 50_000  # objects before a collection, for 700: a batch of documents makes some 20,000


class _Refuses:
    """A finder, first in `sys.meta_path`, to which some modules are not installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if name in _UNUSED:
            raise ImportError(name)


def lean() -> None:
    """Make this process lean; call it once, after the imports."""
    finder = _Refuses()
    sys.meta_path.insert(0, finder)
    try:
        pa.array(["asks for pandas"])
        importlib.import_module("numba.np.arraymath")  # asks for BLAS
    finally:
        sys.meta_path.remove(finder)
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
    gc.enable()
