"""The one way kernels are compiled: cached on disk, without the interpreter lock.

numba's cache files are pickles of machine code. One that was cut (a power cut, a full disk) or changed is
found by a digest behind each file, or by what reading it raises; it is deleted, and the kernel compiled anew.
"""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event
from numba.core.caching import FunctionCache, IndexDataCacheFile

from corpusforge import cputime
from corpusforge.printing import say

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


event.register("numba:compile", _Compiling())


_MARK = b"\x00blake2b:"


class _Files(IndexDataCacheFile):
    """A kernel's cache files, a digest behind each; a pickle's reader stops before it."""

    def _dump(self, obj: Any) -> bytes:
        body: bytes = super()._dump(obj)
        return body + _MARK + blake2b(body).digest()

    def _load_index(self) -> Any:
        with suppress(FileNotFoundError):
            stream = io.BytesIO(Path(self._index_path).read_bytes())
            pickle.load(stream)  # noqa: S301 - numba's version; the file is our own, as numba's are
            _check(stream.read())
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _check(Path(self._data_path(name)).read_bytes())
        return super()._load_data(name)

    def remove(self) -> None:
        """Delete all of them."""
        path = Path(self._index_path)
        for own in (path, *path.parent.glob(f"{path.stem}.*.nbc")):
            own.unlink(missing_ok=True)


def _check(data: bytes) -> None:
    """Raise ValueError where a digest stands behind the data and is not theirs."""
    body, mark, digest = data.rpartition(_MARK)
    if mark and blake2b(body).digest() != digest:
        raise ValueError("its digest is another")


class _Cache(FunctionCache):
    """A kernel's cache, which does without what it cannot read or write."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._files = _Files(self._cache_path, self._impl.filename_base, stamp)
        self._cache_file = self._files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a compiled kernel; None where there is none, or it was damaged and is deleted."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever unpickling half a file raises
            _tell(self._cache_path, f"{type(error).__name__}: {error}")
            with suppress(OSError):
                self._files.remove()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled kernel, where that can be done: this process has it either way."""
        with suppress(OSError, EOFError, ValueError, pickle.PickleError):
            super().save_overload(sig, data)


_told = False


def _tell(folder: str, error: str) -> None:
    """Say once a process that a cache is damaged."""
    global _told  # noqa: PLW0603 - of this process
    if not _told:
        _told = True
        text = f"numba's cache in {folder} is damaged ({error}): deleted, and the kernels compiled again"
        say(text, error=True)


def jit(function: F) -> F:
    """Compile a kernel with numba: no Python objects, no GIL, cached beside the module.

    NUMBA_BOUNDSCHECK=1 in the environment turns on index checks; the tests run so once.
    """
    compiled: Any = numba.njit(nogil=True)(function)
    if hasattr(compiled, "enable_caching"):  # not with NUMBA_DISABLE_JIT
        compiled._cache = _Cache(function)
    return cast(F, compiled)
