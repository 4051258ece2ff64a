"""decontaminate as steps: hits of evaluation items in a batch, and what is cut or dropped for them.

Two steps, since an n-gram that is frequent in the whole corpus does not count (gpt3.v1), and that is
known only when every document was scanned. `Decontaminate` does both for a batch that is all there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.decontaminate.edits import edits, frequent_grams
from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.scan import Scanner
from corpusforge.decontaminate.settings import BOUND_RULES, Settings, unsearched
from corpusforge.steps import Outcome, Verb, dropped, failed, with_columns, without
from corpusforge.text.edits import apply_edits

__all__ = ["Decontaminate", "Scan", "cut_rows", "scan_rows", "scanner_of"]


@dataclass(frozen=True, slots=True)
class Scan:
    """Look for the items of an index; the side table `hits` holds a row per hit, none is dropped.

    `path`: the index, from `pipelines.build_eval_index` or the stage `evaluation`.
    """

    stage: ClassVar[str] = "decontaminate"
    path: str
    settings: Settings = field(default_factory=Settings)

    def open(self) -> Verb:
        """Load the index and return the verb. Raises InputError where the file is no index."""
        scanner = scanner_of(EvalIndex.load(self.path), self.settings)
        return partial(scan_rows, scanner=scanner)


def scanner_of(index: EvalIndex, settings: Settings) -> Scanner:
    """Return the scanner that the settings describe."""
    bounds = settings.max_steps, settings.cpu_seconds
    return Scanner(index, settings.rules, settings.fuzzy_share, *bounds)


def scan_rows(rows: pa.RecordBatch, scanner: Scanner) -> Outcome:
    """Return the rows as they are and the side table `hits`: `scan.HITS`, id, characters of the text."""
    hits = scanner.scan(rows.column("text"))
    place = hits.column("document")
    size = pc.utf8_length(rows.column("text")).cast(pa.int64())
    table = hits.append_column("id", rows.column("id").take(place))
    table = table.append_column("characters", size.take(place)).combine_chunks()
    batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    return Outcome(rows=rows, tables={"hits": batches[0]})


def cut_rows(
    rows: pa.RecordBatch,
    hits: pa.RecordBatch,
    index: EvalIndex,
    settings: Settings,
    ignored: Collection[int] = (),
) -> Outcome:
    """Return the rows without what their hits name: passages cut, documents dropped by rule, and failed
    where the search reached its bound.

    `hits` are those of these rows by `scan_rows`; `ignored` the grams of `frequent_grams`.
    """
    sizes = pc.utf8_length(rows.column("text")).to_pylist()
    numbers = [str(place) for place in range(rows.num_rows)]
    table = edits(pa.table(hits), numbers, sizes, index, settings, ignored)
    cuts: dict[int, list[tuple[int, int, str]]] = {}
    reasons: dict[int, tuple[str, str, str]] = {}
    errors: dict[int, str] = {}
    notes: Counter[str] = Counter()
    for edit in table.to_pylist():
        place = int(edit["id"])
        if edit["rule"] in BOUND_RULES:
            errors[place] = unsearched(edit["rule"], settings)
        elif edit["drop"]:
            reasons[place] = (edit["rule"], f"{edit['benchmark']} {edit['item']}", "no overlap")
        else:
            cuts.setdefault(place, []).append((edit["start"], edit["end"], edit["replacement"]))
            notes[f"cut:{edit['rule']}"] += 1
    gone = dropped(rows, list(reasons), "decontaminate", list(reasons.values()))
    if cuts:
        texts = rows.column("text").to_pylist()
        for place, own in cuts.items():
            texts[place] = apply_edits(texts[place], own)
        rows = with_columns(rows, text=pa.array(texts, type=pa.large_string()))
    lost = failed(rows, errors, "decontaminate")
    left = without(rows, [*reasons, *errors])
    return Outcome(rows=left, dropped=gone, failed=lost, notes=notes)


@dataclass(frozen=True, slots=True)
class Decontaminate:
    """Scan and cut in one: for a batch that is the whole corpus, or a part of one with `ignored` known."""

    stage: ClassVar[str] = "decontaminate"
    path: str
    settings: Settings = field(default_factory=Settings)
    ignored: frozenset[int] | None = None
    """Grams that count for nothing; None: those too frequent in the batch itself."""

    def open(self) -> Verb:
        """Load the index and return the verb. Raises InputError where the file is no index."""
        index = EvalIndex.load(self.path)
        scanner = scanner_of(index, self.settings)

        def verb(rows: pa.RecordBatch) -> Outcome:
            hits = scan_rows(rows, scanner).tables["hits"]
            ignored = self.ignored
            if ignored is None:
                ignored = frozenset(frequent_grams(pa.table(hits), self.settings.max_documents))
            return cut_rows(rows, hits, index, self.settings, ignored)

        return verb
