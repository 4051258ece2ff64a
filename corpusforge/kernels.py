"""Kernels of a first run, compiled by a second process while the run works.

numba compiles a kernel at its first call and keeps it on disk (`text.compiler`). A run comes first to those
of HTML, four tenths of the time; the second process begins with those of the filters, where the run comes
next.
Where both come to one, one of them compiles and the other waits for it.

    python -m corpusforge.kernels           # all of them now: for an image, or before many workers start
    python -m corpusforge.kernels --ship    # for a wheel that brings them

`--ship` compiles for every x86-64 processor of level v3 by these steps and by the sample, and puts the files
into this package, from where `pip wheel` takes them. They serve the Python that it runs with; those of others
stay beside them (`text.compiler` says where they are used).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard, start_module

start_module("corpusforge.kernels")

__all__ = ["ahead", "compile_all", "main", "ship"]

_PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
"""The Python of a kernel's files, in their names."""

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
    from corpusforge.filter.redact import redact_names
    from corpusforge.score import Settings as ScoreSettings
    from corpusforge.score import train as train_classifier
    from corpusforge.text.names import Names
    from corpusforge.tokenize import Settings as TokenizeSettings
    from corpusforge.tokenize.train import train as train_tokenizer

    cf.redact(_TEXTS)
    redact_names(_TEXTS)
    cf.measure(_TEXTS)
    sides = [pa.array([f"{text} {n}" for n in range(60) for text in _TEXTS])] * 2
    train_classifier([sides[0]], [sides[1]], ScoreSettings()).score(sides[0])
    with tempfile.TemporaryDirectory(prefix="corpusforge-") as folder:
        ranks = str(Path(folder) / "small.tiktoken")
        train_tokenizer(_TEXTS, TokenizeSettings(vocab_size=300), ranks)
        cf.tokenize(_TEXTS, ranks, pattern="gpt2")
    _deduplicate([*_TEXTS, f"{_PROSE} Be very early."])
    names = Names()
    for number in range(1_000):  # more than its first table holds
        names.take(str(number))
    cf.decontaminate(_TEXTS, [_PROSE])
    cf.identify(_TEXTS)
    cf.extract(_PAGE)


def _deduplicate(texts: Sequence[str]) -> None:
    """The verb as the run takes it: with components and an audit, which `cf.dedup` goes without."""
    import pyarrow as pa

    from corpusforge.dedup.audit import audit
    from corpusforge.dedup.select import find_duplicates
    from corpusforge.dedup.settings import Settings
    from corpusforge.dedup.sign import sign_part

    settings, column = Settings(), pa.array(texts)
    ids = [str(number) for number in range(len(texts))]
    rows = pa.record_batch({"id": ids, "source": [""] * len(texts), "text": column})
    with tempfile.TemporaryDirectory(prefix="corpusforge-") as folder:
        prefix = str(Path(folder) / "part")
        sign_part([rows], settings, prefix)
        find_duplicates(
            [prefix], settings, lambda _, places: column.take(pa.array(places)), components=True
        )
    audit((ids, texts), [(ids, texts)], settings)


def _compiled() -> bool:
    from corpusforge.extract.htmltext import _render
    from corpusforge.text.compiler import is_cached
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


def ship(folder: Path) -> None:
    """Compile all kernels for `PORTABLE`, in processes of their own, and put their files into a folder."""
    from corpusforge.text.compiler import PORTABLE

    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"*.{_PYTHON}.*"):
        old.unlink()
    processor, features = PORTABLE
    with tempfile.TemporaryDirectory(prefix="corpusforge-") as cache:
        environment = {
            **os.environ,
            "NUMBA_CPU_NAME": processor,
            "NUMBA_CPU_FEATURES": features,
            "NUMBA_CACHE_DIR": cache,
        }
        sample = ("pipelines.pretrain_mix", "--workers=1", "--quiet", f"--output={cache}/sample")
        for module in (("corpusforge.kernels",), sample):
            command = [sys.executable, "-m", *module]
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        for file in Path(cache).glob(f"*/corpusforge.*.{_PYTHON}.*"):
            shutil.copyfile(file, folder / file.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = Parser(prog="python -m corpusforge.kernels", description=__doc__.partition("\n")[0])
    parser.add_argument("--ship", action="store_true", help="compile for a wheel, into the package")
    options = parser.parse_args(arguments)

    def work() -> int:
        if options.ship:
            from corpusforge.text.compiler import SHIPPED

            ship(SHIPPED)
            size = sum(file.stat().st_size for file in SHIPPED.iterdir())
            say(f"{SHIPPED}: {size:,} bytes")
        else:
            compile_all()
        return 0

    return guard(work)


if __name__ == "__main__":
    sys.exit(main())
