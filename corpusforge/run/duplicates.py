"""The duplicates stage: it compares all signatures and names every removed document.

Up to 4.2 million signed documents (one key range) are one task; of more, waves of tasks select by component
(`selection.py`), with the same result. Its tables are written per document part, so later stages join them
without a shuffle.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup.by_component import COPIES, found_tables
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.results import Duplicates
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.io import files
from corpusforge.manifest import part_name
from corpusforge.run import selection
from corpusforge.run.context import Context
from corpusforge.run.copies import SignedRows, audited, merged, texts_at, write_part
from corpusforge.run.repeats import find_repeats
from corpusforge.run.stage import Part, PartResult, Stage

__all__ = ["make_duplicates", "stage"]


@dataclass(frozen=True, slots=True)
class DuplicatesTask:
    """What the task is told: the settings, and how many document parts there are.

    `components`: whether a split into sides follows, for which all verified pairs are joined.
    """

    settings: Settings
    parts: int
    components: bool


def stage(context: Context) -> Stage:
    """Return the duplicates stage."""
    if "collisions" in context.manifests:
        return selection.stage(context)
    size = sum(output.bytes for output in context.manifests["signatures"].outputs)
    split = context.recipe.mix.validation > 0
    work = DuplicatesTask(context.recipe.dedup, context.part_count, split)
    return Stage(
        name="duplicates",
        run=context.run,
        work=make_duplicates,
        parts=(Part("duplicates", 0, context.run, work, size=size),),
        settings={"dedup": context.recipe.dedup, "components": split},
        reads=context.reads("documents", "quality", "signatures"),
    )


def make_duplicates(part: Part) -> PartResult:
    """Find the duplicates among all parts; write removed rows, clusters and drop rows per part."""
    work: DuplicatesTask = part.settings
    run, settings = part.run, work.settings
    rows = SignedRows(run, work.parts)

    def text_of(index: int, wanted: NDArray[np.int64]) -> pa.Array:
        return texts_at(run, index, rows[index][wanted])

    prefixes = [files.join(run, "signatures", part_name(index)) for index in range(work.parts)]
    found = find_duplicates(prefixes, settings, text_of, components=work.components)
    repeats = find_repeats(run, settings, found, rows)
    result = PartResult(documents=found.counts.documents, input_bytes=part.size)
    for index, own in enumerate(rows):
        tables = _with_emptied(found, index, repeats[index].emptied)
        write_part(run, index, tables, repeats[index].cuts, own, result)
    result.extra = {
        "audit": audited(run, work.parts, settings),
        "plan": asdict(make_plan(settings)),
        "counts": asdict(found.counts),
        "components": selection.component_facts(found),
        "alarms": [str(alarm) for alarm in found.alarms],
        "copies": found.copies,
        **merged([result.extra]),
    }
    return result


def _with_emptied(found: Duplicates, index: int, emptied: NDArray[np.int64]) -> dict[str, pa.Table]:
    """The tables of a part, in row order; also the documents of which repeats leave nothing go."""
    tables = found_tables(found, index)
    if not len(emptied):
        return tables
    ids = found.ids_of(index).take(pa.array(emptied))
    sources = found.sources_of(index).take(pa.array(emptied))
    count = len(emptied)
    columns = {
        "removed": ids,
        "kept": pa.nulls(count, pa.string()),
        "similarity": pa.array(np.ones(count, dtype=np.float32)),
        "method": pa.array(["repeats"] * count, pa.string()),
        "cluster": ids,
        "cluster_size": pa.array(np.ones(count, dtype=np.int64)),
        "removed_source": sources,
        "kept_source": pa.nulls(count, pa.string()),
        "row": pa.array(emptied),
        "removes": pa.array(np.ones(count, dtype=bool)),
    }
    every = pa.concat_tables([tables["copies"], pa.table(columns, schema=COPIES["copies"])])
    every = every.sort_by("row")
    gone = np.isin(every.column("row").to_numpy(), emptied) | every.column("removes").to_numpy()
    copies = every.set_column(
        every.num_columns - 1, COPIES["copies"].field("removes"), pa.array(gone)
    )
    return {**tables, "copies": copies}
