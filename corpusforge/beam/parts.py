"""The one transform: every part of a stage is made once, by whichever worker holds its element.

Element types: list[Part] → (nothing). What a part made is on disk, named by its receipt, so no
text passes through the runner and a retried bundle writes the same bytes again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType

import apache_beam as beam
from apache_beam.metrics import Metrics

from corpusforge.errors import CorpusforgeError
from corpusforge.io import files
from corpusforge.manifest import Receipt
from corpusforge.run.stage import Part, PartResult, error_path, run_part

__all__ = ["Desk", "MakeParts", "balanced"]


class Desk:
    """Where the driver's own thread makes the parts of a stage that runs in memory; use as a context manager.

    Beam works in another thread. The main thread is the one that signals reach: Ctrl-C, and the bound on a
    document's CPU time, which there ends single calls too (`cputime`).
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[Callable[[], Receipt], Future[Receipt]]] = SimpleQueue()

    def __enter__(self) -> Desk:
        _desks.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _desks.remove(self)

    def ask(self, make: Callable[[], Receipt]) -> Receipt:
        """Have a part made; wait for what comes of it."""
        future: Future[Receipt] = Future()
        self._asked.put((make, future))
        return future.result()

    def serve(self, thread: threading.Thread) -> None:
        """Make what is asked for, as long as the thread that asks is alive."""
        while thread.is_alive():
            try:
                make, future = self._asked.get(timeout=0.02)
            except Empty:
                continue
            try:
                future.set_result(make())
            except Exception as error:
                future.set_exception(error)


_desks: list[Desk] = []  # of this process: one stage runs at a time


class _MakePart(beam.DoFn):
    def __init__(self, work: Callable[[Part], PartResult], *, retried: bool) -> None:
        self._work = work
        self._retried = retried

    def process(self, element: Sequence[Part]) -> Iterator[str]:
        for part in element:
            try:
                make = partial(run_part, self._work, part)
                receipt = _desks[-1].ask(make) if _desks else make()
            except CorpusforgeError:
                if not files.exists(error_path(part)):  # a full disk takes no such file either
                    raise
                break  # its error file tells the driver; a retry would fail in the same way
            except Exception:
                if self._retried:
                    raise
                break
            _count(part.stage, receipt)
            yield part.name


def _count(stage: str, receipt: Receipt) -> None:
    """Add a part's ledger to Beam's counters, `corpusforge.STAGE: VERB/SOURCE/seen` and so on."""
    counter = partial(Metrics.counter, f"corpusforge.{stage}")
    counter("parts").inc()
    counter("documents").inc(receipt.documents)
    counter("input_bytes").inc(receipt.input_bytes)
    for row in receipt.ledger:
        name = f"{row['stage']}/{row['source']}"
        for key in ("seen", "kept", "failed"):
            counter(f"{name}/{key}").inc(row[key])
        for rule, count in row["dropped"].items():
            counter(f"{name}/dropped/{rule}").inc(count)


class MakeParts(beam.PTransform):
    """Make each part; `work` is a module-level function, found by name on the workers.

    `retried`: the runner gives failed bundles another try (clusters do), so let defects reach it.
    """

    def __init__(self, work: Callable[[Part], PartResult], *, retried: bool = True) -> None:
        super().__init__()
        self._work = work
        self._retried = retried

    def expand(self, pcoll: beam.PCollection) -> beam.PCollection:
        """List[Part] elements in, names of the parts made out."""
        return pcoll | "Make" >> beam.ParDo(
            _MakePart(self._work, retried=self._retried)
        ).with_output_types(str)


def balanced(parts: Sequence[Part], groups: int) -> list[list[Part]]:
    """Deal parts into at most `groups` lists of about equal size in bytes, largest first.

    FnApiRunner deals elements out statically, so balance is made here.
    """
    lists: list[list[Part]] = [[] for _ in range(max(1, min(groups, len(parts))))]
    loads = [0] * len(lists)
    for part in sorted(parts, key=lambda item: (-item.size, item.index)):
        lightest = loads.index(min(loads))
        lists[lightest].append(part)
        loads[lightest] += part.size + 1
    return lists
