"""Every process-wide patch: what start-up does to its own process, to load less and collect less.

Two libraries look for others that nothing of a run uses: pyarrow for pandas at its first array,
numba for SciPy's BLAS at its first kernel. Both go without where those are not loaded already.
And objects that imports left, some 270,000, are taken from the garbage collector, which would
look at all of them again and again. Limit: `lean` is for a process of our own, never inside another program.
"""

from __future__ import annotations

import gc
import importlib
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

import pyarrow as pa

__all__ = ["lean", "without_unused"]

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
    """Make a command's own process lean; call it once, after the imports."""
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


@contextmanager
def without_unused(*names: str) -> Iterator[None]:
    """Import Beam in this block: `names` that are not loaded yet look as if they were not installed.

    Beam loads pandas for data frames and pymongo for MongoDB, which nothing here uses: a third of its
    import's time. And it warns at import that Google's client is absent; that is an extra here, and its
    lack is told when it is used.
    """
    unused = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unused))  # type: ignore[arg-type]  # None: "not importable"
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
        for name in unused:
            del sys.modules[name]
