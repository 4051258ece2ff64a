"""The facts and writings stages: what the report tells of documents, counted by tasks over document parts.

Every figure is a sum, so the facts of tasks add up to those of the run, and the driver reads a few kilobytes
per task, however many documents there are. There are at most 256 tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.manifest import added, part_name
from corpusforge.run.context import Context
from corpusforge.run.copies import texts_at
from corpusforge.run.groups import few_groups
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.survivors import kept_rows

__all__ = ["LENGTH_EDGES", "SCORE_EDGES", "make_facts", "make_writings", "stage",
           "writings_stage"]  # fmt: skip

SCORE_EDGES = tuple(round(step / 20, 2) for step in range(21))
LENGTH_EDGES = tuple(round(2 ** (power / 2), 1) for power in range(8, 53))
_KEPT_BY = {
    "filter": "documents",
    "score": "quality",
    "dedup": "duplicates",
    "decontaminate": "contamination",
}
"""What each verb kept: the stage directory whose removals to apply."""
_SNIPPET = 400
_WRITER = ("origin", "model", "prompt_version")
_COLUMNS = ("id", "source", "lang", "date", "licence", *_WRITER)


@dataclass(frozen=True, slots=True)
class FactsTask:
    """What a task is told: document parts [first, stop), and of which ids it shows the text."""

    first: int
    stop: int
    shown: tuple[str, ...]


def stage(context: Context) -> Stage:
    """Return the facts stage."""
    examples = context.manifests["duplicates"].extra["examples"]
    shown = tuple(name for row in examples for name in (row["removed"], row["kept"]) if name)
    parts = tuple(
        Part("facts", number, context.run, FactsTask(first, stop, shown), (first, stop), size)
        for number, (first, stop, size) in enumerate(few_groups(context))
    )
    before = ("documents", "scores", "quality", "duplicates", "contamination")
    return Stage(
        name="facts",
        run=context.run,
        work=make_facts,
        parts=parts,
        settings={"shown": shown},
        reads=context.reads(*before),
        pace=40.0,
        finish=lambda receipts: (added([item.extra for item in receipts]), {}),
    )


def make_facts(part: Part) -> PartResult:
    """Count the documents of some parts, and note who wrote those that people did not."""
    work: FactsTask = part.settings
    facts, made = [], []
    for index in range(work.first, work.stop):
        name = f"{part_name(index)}.parquet"
        table = read_table(files.join(part.run, "documents", name), _COLUMNS)
        masks = {
            verb: pa.array(kept_rows(part.run, index, upto)) for verb, upto in _KEPT_BY.items()
        }
        facts += [_counted(part.run, index, table, masks), _shown(part.run, index, table, work)]
        made.append(_made(table.filter(masks["decontaminate"])))
    path = f"facts/made-{part.index:05d}.parquet"
    result = PartResult(extra=added(facts))
    result.outputs[path] = write_table(files.join(part.run, path), pa.concat_tables(made))
    result.documents = result.extra["documents"]
    return result


def _made(kept: pa.Table) -> pa.Table:
    people = pc.equal(kept.column("origin"), "human")
    return kept.filter(pc.invert(people)).select(["id", *_WRITER])


def _counted(
    run: str, index: int, table: pa.Table, masks: Mapping[str, pa.Array]
) -> dict[str, Any]:
    """Return what is told of one part: `table` are its documents, `masks` which of them each verb kept."""
    survived = masks["decontaminate"]
    kept = table.filter(survived)
    name = f"{part_name(index)}.parquet"
    stats = read_table(files.join(run, "stats", name), ["text_bytes", "words", "rule"])
    alive = stats.filter(pc.equal(stats.column("rule"), "")).filter(survived)
    scores = read_table(files.join(run, "scores", name), ["source", "score"])
    years = pc.utf8_slice_codeunits(kept.column("date"), 0, 4)
    languages = {verb: _counts(table.column("lang").filter(mask)) for verb, mask in masks.items()}
    return {
        "documents": kept.num_rows,
        "words": pc.sum(alive.column("words")).as_py() or 0,
        "text_bytes": pc.sum(alive.column("text_bytes")).as_py() or 0,
        "scores": _histograms(scores, scores.column("score"), SCORE_EDGES),
        "lengths": _histograms(kept, alive.column("text_bytes"), LENGTH_EDGES),
        "date": _by_source(kept, years),
        "licence": _by_source(kept, kept.column("licence")),
        "languages": languages,
        "origins": _counts(kept.column("origin")),
        "writers": _by_writer(_made(kept), [([], "count_all")]),
    }


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    """Values ("" unknown) and how often each stands there, in the order of their first places."""
    found = pc.value_counts(values.fill_null(""))
    return dict(zip(*(found.field(n).to_pylist() for n in (0, 1)), strict=True))


def _by_source(table: pa.Table, values: pa.ChunkedArray) -> dict[str, dict[str, int]]:
    sources = table.column("source")
    return {
        name: _counts(values.filter(pc.equal(sources, name)))
        for name in pc.unique(sources).to_pylist()
    }


def _histograms(
    table: pa.Table, values: pa.ChunkedArray, edges: tuple[float, ...]
) -> dict[str, dict[str, int]]:
    """Return how many values of each source lie in each bin that has any; outer ones in the outermost."""
    sources = table.column("source")
    found = {}
    for name in pc.unique(sources).to_pylist():
        own = values.filter(pc.equal(sources, name)).to_numpy()
        counts, _ = np.histogram(np.clip(own, edges[0], edges[-1]), bins=np.array(edges))
        found[name] = {str(k): int(counts[k]) for k in np.flatnonzero(counts)}
    return found


def _by_writer(made: pa.Table, what: list[Any]) -> dict[str, dict[str, dict[str, int]]]:
    """Sum one thing of documents that people did not write, by origin, model and prompt."""
    sums = made.group_by(list(_WRITER)).aggregate(what)
    *writer, values = (sums.column(n).to_pylist() for n in (*_WRITER, sums.num_columns - 1))
    rows = zip(*writer, values, strict=True)
    return added([{o or "": {m or "": {p or "": n}}} for o, m, p, n in rows])


def _shown(run: str, index: int, table: pa.Table, work: FactsTask) -> dict[str, Any]:
    """Return the beginnings of texts that are shown, of those that lie in the part."""
    places = pc.index_in(pa.array(work.shown, pa.string()), table.column("id").combine_chunks())
    rows = np.unique([place for place in places.to_pylist() if place is not None]).astype(np.int64)
    if not len(rows):
        return {}
    names = table.column("id").take(pa.array(rows)).to_pylist()
    texts = texts_at(run, index, rows).to_pylist()
    return {"shown": {name: text[:_SNIPPET] for name, text in zip(names, texts, strict=True)}}


def writings_stage(context: Context) -> Stage | None:
    """Return the stage that counts training tokens by writer, or None where people wrote everything."""
    if not context.manifests["facts"].extra.get("writers"):
        return None
    made = sorted(out.path for out in context.manifests["facts"].outputs if out.rows)
    streams = (output.path for output in context.manifests["mix"].outputs)
    drawn = sorted(path for path in streams if path.startswith("mix/train"))
    parts = tuple(
        Part("writings", number, context.run, (path, tuple(made)), (path,))
        for number, path in enumerate(drawn)
    )
    return Stage(
        name="writings",
        run=context.run,
        work=make_writings,
        parts=parts,
        settings={},
        reads=context.reads("facts", "mix"),
        finish=lambda receipts: (added([item.extra for item in receipts]), {}),
    )


def make_writings(part: Part) -> PartResult:
    """Count the tokens that a stretch of the stream has of each writer but people."""
    path, made = part.settings
    drawn = read_table(files.join(part.run, path), ["id", "length"])
    facts = []
    for name in made:
        own = drawn.join(read_table(files.join(part.run, name)), "id", join_type="inner")
        facts.append(_by_writer(own, [("length", "sum")]))
    return PartResult(extra={"tokens": added(facts)}, documents=drawn.num_rows)
