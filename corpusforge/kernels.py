"""Kernels of a first run, compiled by a second process while the run works.

numba compiles a kernel at its first call and keeps it on disk (`text.jit`). A run comes first to those of
HTML, four tenths of the time; the second process begins with those of the filters, where the run comes next.
Where both come to one, one of them compiles and the other waits for it.

    python -m corpusforge.kernels      # all of them now: for an image, or before many workers start
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from corpusforge.program import guard, start_module
from corpusforge.text.jit import is_cached

start_module("corpusforge.kernels")

__all__ = ["ahead", "compile_all", "main"]

_PROSE = (
    "The ferry leaves the harbour at seven, and it is the only one that stops at the small island on a "
    "Sunday morning. Whoever misses it waits for the evening boat, or asks the keeper of the lighthouse."
)
_TEXTS = [
    _PROSE,
    f"{_PROSE} Be early.",
    _PROSE.upper(),
    "渡船早上七点离开港口，星期天只有它停靠小岛。" * 4,
]
_PAGE = (
    f"<html><body><article><h1>Ferries</h1><p>{_PROSE}</p><p>{_PROSE}</p></article></body></html>"
)


def compile_all() -> None:
    """Compile the kernels of a pretrain run of usual settings, by doing its steps on a few lines."""
    import pyarrow as pa

    import corpusforge as cf
    from corpusforge.score import Settings as ScoreSettings
    from corpusforge.score import train as train_classifier
    from corpusforge.tokenize import Settings as TokenizeSettings
    from corpusforge.tokenize.train import train as train_tokenizer

    cf.redact(_TEXTS)
    cf.measure(_TEXTS)
    sides = [pa.array([f"{text} {n}" for n in range(60) for text in _TEXTS])] * 2
    train_classifier([sides[0]], [sides[1]], ScoreSettings()).score(sides[0])
    with tempfile.TemporaryDirectory(prefix="corpusforge-") as folder:
        ranks = str(Path(folder) / "small.tiktoken")
        train_tokenizer(_TEXTS, TokenizeSettings(vocab_size=300), ranks)
        cf.tokenize(_TEXTS, ranks, pattern="gpt2")
    cf.dedup(_TEXTS)
    cf.decontaminate(_TEXTS, [_PROSE])
    cf.identify(_TEXTS)
    cf.extract(_PAGE)


def _compiled() -> bool:
    from corpusforge.extract.htmltext import _render
    from corpusforge.tokenize.kernel import _encode

    return is_cached(_render) and is_cached(_encode)


@contextmanager
def ahead(workers: int, tell: Callable[[str], None]) -> Iterator[None]:
    """Have kernels compiled by a second process during this block, where there are none yet.

    `workers`: processes that may work at once; with one, everything stays in this process.
    """
    if workers == 1 or _compiled():
        yield
        return
    tell(
        "first run here: kernels are compiled for this machine, by two processes; later runs have them"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "corpusforge.kernels"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    """Entry point."""

    def work() -> int:
        compile_all()
        return 0

    return guard(work)


if __name__ == "__main__":
    sys.exit(main())
