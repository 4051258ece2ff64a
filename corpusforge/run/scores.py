"""The windows, classifier and scores stages: a model trained on the run's own sources, a score a document.

Scores are data; which documents stay is decided by the next stage (`quality.py`), so another threshold
recomputes no score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.parquet import Writer
from corpusforge.manifest import part_name, write_json
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.score import save, train_on
from corpusforge.score import train as train_classifier
from corpusforge.score.card import write_card
from corpusforge.score.sample import Window, draw, merge, read_windows, write_windows
from corpusforge.score.settings import Settings, TrainSettings
from corpusforge.score.step import Score
from corpusforge.survivors import read_survivors

__all__ = [
    "SCORES",
    "classifier_stage",
    "make_classifier",
    "make_scores",
    "make_windows",
    "scores_stage",
    "windows_stage",
]

SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string()),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
MODEL = "classifier/model.bin"
SIDES = ("negative", "positive")


@dataclass(frozen=True, slots=True)
class ScoresTask:
    """What a worker is told: the settings, the document parts of each source, and who drew windows.

    `drawn` are numbers of the parts of `windows` by side; empty where the classifier draws its own.
    """

    settings: Settings
    parts: dict[str, tuple[int, ...]]
    drawn: dict[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Texts:
    """What a task that draws windows is told: the document parts of one side, source by source."""

    train: TrainSettings
    side: str
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
    drawn: dict[str, tuple[int, ...]] = {}
    if "windows" in context.manifests:
        drawn = {k: tuple(v) for k, v in context.manifests["windows"].extra["sides"].items()}
    part = Part("classifier", 0, context.run, ScoresTask(settings, parts, drawn), size=size)
    return Stage(
        name="classifier",
        run=context.run,
        work=make_classifier,
        parts=(part,),
        settings={"engine": settings.engine, "train": settings.train},
        reads=context.reads("documents", "windows"),
    )


def windows_stage(context: Context) -> Stage | None:
    """Return the stage that draws the classifier's sample in tasks, or None where one task does."""
    settings = context.recipe.score
    tasks = _tasks(context, settings)
    if not settings.train.positive or len(tasks) <= 2:  # a task a side
        return None
    parts = tuple(
        Part("windows", number, context.run, texts, (texts.side, texts.parts), size)
        for number, (texts, size) in enumerate(tasks)
    )
    sides = {
        side: [number for number, (texts, _) in enumerate(tasks) if texts.side == side]
        for side in SIDES
    }
    return Stage(
        name="windows",
        run=context.run,
        work=make_windows,
        parts=parts,
        settings={"train": settings.train},
        reads=context.reads("documents"),
        finish=lambda _: ({"sides": sides}, {}),
    )


def _tasks(context: Context, settings: Settings) -> list[tuple[Texts, int]]:
    """The parts of each side in order, cut where a task has enough, and their bytes."""
    own, tasks = parts_by_source(context), []
    for side in SIDES:
        parts: dict[str, tuple[int, ...]] = {}
        size = 0
        for name in getattr(settings.train, side):
            for index in own.get(name, ()):
                if size and size + context.part_size(index) > settings.sample_megabytes * 1e6:
                    tasks.append((Texts(settings.train, side, parts), size))
                    parts, size = {}, 0
                parts = {**parts, name: (*parts.get(name, ()), index)}
                size += context.part_size(index)
        tasks.append((Texts(settings.train, side, parts), size))
    return tasks


def make_windows(part: Part) -> PartResult:
    """Draw the windows of some document parts of one side."""
    own: Texts = part.settings
    texts = {name: _texts(part.run, indices) for name, indices in own.parts.items()}
    path = f"windows/{part.name}.parquet"
    rows = write_windows(files.join(part.run, path), draw(texts, own.side, own.train))
    return PartResult(outputs={path: rows})


def make_classifier(part: Part) -> PartResult:
    """Train on the positive and negative sources; write the model, its figures and its card."""
    work: ScoresTask = part.settings
    train = work.settings.train

    def texts(names: tuple[str, ...]) -> dict[str, Iterator[pa.Array]]:
        return {name: _texts(part.run, work.parts.get(name, ())) for name in names}

    if work.drawn:
        negative, positive = (_merged(part.run, work.drawn[side], train) for side in SIDES)
        model = train_on(negative, positive, work.settings)
    else:
        model = train_classifier(texts(train.positive), texts(train.negative), work.settings)
    save(model, files.join(part.run, MODEL))
    write_json(files.join(part.run, "classifier/metrics.json"), dict(model.card))
    write_card(model, files.join(part.run, "classifier/CARD.md"))
    outputs = {MODEL: 0, "classifier/metrics.json": 0, "classifier/CARD.md": 0}
    return PartResult(outputs=outputs, extra={"card": dict(model.card)})


def _merged(run: str, numbers: tuple[int, ...], train: TrainSettings) -> list[Window]:
    paths = (files.join(run, "windows", f"{part_name(n)}.parquet") for n in numbers)
    return merge((read_windows(path) for path in paths), train)


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


def make_scores(part: Part) -> PartResult:
    """Score the documents of one part; without a model every score is 1."""
    settings, scored = part.settings
    made = PartResult(input_bytes=part.size)
    verb = Score(_settings(part.run, settings) if scored else Settings()).open()
    path = f"scores/{part.name}.parquet"
    with Writer(files.join(part.run, path), SCORES) as writer:
        columns = ["id", "source", "lang", "text"]
        for batch in read_survivors(part.run, part.index, columns, "documents"):
            scored_rows = verb(batch).rows.select(SCORES.names)
            writer.write(pa.RecordBatch.from_arrays(scored_rows.columns, schema=SCORES))
    made.outputs[path] = writer.rows
    made.documents = writer.rows
    return made


def _settings(run: str, settings: Settings) -> Settings:
    """The settings with the model that the run trained, where the recipe gives none."""
    if settings.model:
        return settings
    return replace(settings, model=files.join(run, MODEL), train=TrainSettings())
