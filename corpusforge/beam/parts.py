"""The one transform: every part of a stage is made once, by whichever worker holds its element.

Element types: list[Part] → (nothing). What a part made is on disk, named by its receipt, so no
text passes through the runner and a retried bundle writes the same bytes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import apache_beam as beam
from apache_beam.metrics import Metrics

from corpusforge.errors import CorpusforgeError
from corpusforge.io import files
from corpusforge.manifest import Receipt
from corpusforge.run.stage import Part, PartResult, error_path, run_part

__all__ = ["MakeParts", "balanced"]


class _MakePart(beam.DoFn):
    def __init__(self, work: Callable[[Part], PartResult], *, retried: bool) -> None:
        self._work = work
        self._retried = retried

    def process(self, element: Sequence[Part]) -> Iterator[str]:
        for part in element:
            try:
                receipt = run_part(self._work, part)
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
