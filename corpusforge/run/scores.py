"""The classifier and scores stages: a model trained on the run's own sources, a score a document.

Scores are data; which documents stay is decided by the next stage (`quality.py`), so another threshold
recomputes no score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from corpusforge import score
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.parquet import Writer
from corpusforge.manifest import write_json
from corpusforge.run.context import Context
from corpusforge.run.stage import Made, Part, Stage
from corpusforge.run.survivors import read_survivors
from corpusforge.score.card import write_card
from corpusforge.score.settings import Settings

__all__ = ["SCORES", "classifier_stage", "make_classifier", "make_scores", "scores_stage"]

SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string()),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
MODEL = "classifier/model.bin"


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is told: the settings, the seed, and the document parts of each source."""

    settings: Settings
    parts: dict[str, tuple[int, ...]]


def parts_by_source(context: Context) -> dict[str, tuple[int, ...]]:
    """Return the document parts that hold each source."""
    found: dict[str, list[int]] = {}
    for index, source in enumerate(context.manifests["documents"].extra["sources"]):
        found.setdefault(source, []).append(index)
    return {source: tuple(indices) for source, indices in found.items()}


def classifier_stage(context: Context) -> Stage | None:
    """Return the stage that trains the quality classifier, or None where the recipe trains none."""
    settings = context.recipe.score
    if not settings.train.positive:
        return None
    parts = parts_by_source(context)
    for side in ("positive", "negative"):
        names = getattr(settings.train, side)
        if not any(name in parts for name in names):
            raise InputError(
                f"score.train.{side} names {', '.join(names)}, of which this run has no file. Give "
                f"--source {names[0]}=GLOB, or change score.train."
            )
    size = sum(output.bytes for output in context.manifests["documents"].outputs)
    part = Part("classifier", 0, context.run, Work(settings, parts), size=size)
    return Stage(
        name="classifier",
        run=context.run,
        work=make_classifier,
        parts=(part,),
        settings={"engine": settings.engine, "train": settings.train},
        reads=context.reads("documents"),
    )


def make_classifier(part: Part) -> Made:
    """Train on the positive and negative sources; write the model, its figures and its card."""
    work: Work = part.settings
    train = work.settings.train

    def texts(names: tuple[str, ...]) -> dict[str, Iterator[pa.Array]]:
        return {name: _texts(part.run, work.parts.get(name, ())) for name in names}

    model = score.train(texts(train.positive), texts(train.negative), work.settings)
    score.save(model, files.join(part.run, MODEL))
    write_json(files.join(part.run, "classifier/metrics.json"), dict(model.card))
    write_card(model, files.join(part.run, "classifier/CARD.md"))
    outputs = {MODEL: 0, "classifier/metrics.json": 0, "classifier/CARD.md": 0}
    return Made(outputs=outputs, extra={"card": dict(model.card)})


def _texts(run: str, indices: tuple[int, ...]) -> Iterator[pa.Array]:
    for index in indices:
        for batch in read_survivors(run, index, ["text"], "documents"):
            yield batch.column("text")


def scores_stage(context: Context) -> Stage:
    """Return the stage that scores every document."""
    settings = context.recipe.score
    scored = bool(settings.train.positive or settings.model)
    described: dict[str, Any] = {"model": settings.model, "label": settings.label}
    if settings.model:
        if not files.exists(settings.model):
            raise InputError(f"score.model {settings.model!r} does not exist.")
        described["sha256"] = files.sha256(settings.model)
    parts = tuple(
        Part("scores", index, context.run, (settings, scored), size=context.part_size(index))
        for index in range(context.part_count)
    )
    return Stage(
        name="scores",
        run=context.run,
        work=make_scores,
        parts=parts,
        settings={**described, "scored": scored},
        reads=context.reads("documents", "classifier"),
        pace=1.0 if scored else 10.0,
    )


def make_scores(part: Part) -> Made:
    """Score the documents of one part; without a model every score is 1."""
    settings, scored = part.settings
    made = Made(input_bytes=part.size)
    scorer = _scorer(part.run, settings) if scored else None
    path = f"scores/{part.name}.parquet"
    with Writer(files.join(part.run, path), SCORES) as writer:
        columns = ["id", "source", "lang", "text"]
        for batch in read_survivors(part.run, part.index, columns, "documents"):
            values = (
                pa.array(scorer.score(batch.column("text")))
                if scorer
                else pa.array([1.0] * batch.num_rows, type=pa.float32())
            )
            arrays = [batch.column("id"), batch.column("source"), batch.column("lang"), values]
            writer.write(pa.RecordBatch.from_arrays(arrays, schema=SCORES))
    made.outputs[path] = writer.rows
    made.documents = writer.rows
    return made


def _scorer(run: str, settings: Settings) -> score.Scorer:
    from dataclasses import replace

    if settings.model:
        return score.load(settings)
    keep = replace(settings, model=files.join(run, MODEL), train=type(settings.train)())
    return score.load(keep)
