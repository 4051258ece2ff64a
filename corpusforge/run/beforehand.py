"""What is looked at before a run's first stage, so that no stage refuses it hours later.

Names and files that the recipe gives to later stages (weights, tokenizer, models, evaluation sets), and
whether the classifier will have text to learn from. Limit: the last is sure only for a side of few
bytes, and there of the first records of each part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from corpusforge.decontaminate import parse_set
from corpusforge.errors import InputError, RecipeError, nearest
from corpusforge.io import files
from corpusforge.io.parquet import read_table
from corpusforge.recipe import Recipe, resolve_path
from corpusforge.run import documents
from corpusforge.run.crash_isolation import Guard
from corpusforge.run.inputs import InputFile
from corpusforge.run.progress import Reporter
from corpusforge.run.tokens import load_tokenizer
from corpusforge.score.sample import draw
from corpusforge.score.training import LEAST, too_little

__all__ = ["check_files", "check_text", "check_weights"]

_SMALL = 1_000_000
"""Stored bytes from which a side is taken to have text enough."""
_RECORDS = 10
"""Records of a part that are read to see whether it has."""


def check_weights(recipe: Recipe, reporter: Reporter) -> None:
    """Refuse a source by name that the recipe does not have; tell of sources without a weight."""
    phases = [(f"mix.phases {phase.name!r}", phase.weights) for phase in recipe.mix.phases]
    named = [("mix.weights", recipe.mix.weights), *phases]
    for key, weights in named:
        for name in weights:
            if name not in recipe.sources:
                raise RecipeError(
                    f"{key}.{name}: the recipe has no source {name!r}.{nearest(name, recipe.sources)}"
                )
    for name in recipe.dedup.byte_exact:
        if name != "*" and name not in recipe.sources:
            raise RecipeError(
                f"dedup.byte_exact: the recipe has no source {name!r}.{nearest(name, recipe.sources)}"
            )
    weighted = {name for _, weights in named for name in weights}
    for name in sorted(set(recipe.sources) - weighted) if weighted else ():
        if not recipe.sources[name].optional:
            reporter.line(
                f"source {name!r} has no weight: it is never drawn, yet documents of other sources that "
                "are copies of its own may go (dedup.sources says who stays)"
            )


def check_files(run: str, recipe: Recipe, stages: Sequence[str]) -> None:
    """Raise InputError where one of `stages` will not find the tokenizer, model or set of the recipe."""
    if "scores" in stages and recipe.score.model and not files.exists(recipe.score.model):
        raise InputError(f"score.model {recipe.score.model!r} does not exist.")
    if "evaluation" in stages:
        chosen = recipe.decontaminate
        sets = [parse_set(f"{name}={spec}")[1] for name, spec in sorted(chosen.sets.items())]
        for path in [chosen.index] if chosen.index else sets:
            if not files.exists(resolve_path(path)):
                raise InputError(f"decontaminate: evaluation file {path!r} does not exist.")
    if "tokens" in stages and recipe.tokenize.tokenizer != "train":
        load_tokenizer(run, recipe.tokenize)


def check_text(run: str, recipe: Recipe, inputs: Sequence[InputFile]) -> None:
    """Raise InputError where a side of the classifier's training has too little text for certain.

    A record that crashes native code would end this process here every time, so a start that did not
    come out of the check leaves a mark, and the next one goes past it, to the stage that isolates it.
    """
    train, mark = recipe.score.train, files.join(run, "check.begun")
    if files.exists(mark):
        files.remove(mark)
        return
    files.write_bytes(mark, b"1")
    try:
        for side in ("negative", "positive"):
            names = getattr(train, side)
            own = [item for item in inputs if item.source in names]
            if own and sum(item.size for item in own) < _SMALL:
                _check_side(recipe, side, own)
    finally:
        files.remove(mark)


def _check_side(recipe: Recipe, side: str, inputs: Sequence[InputFile]) -> None:
    train, seen, learned = recipe.score.train, 0, 0
    with tempfile.TemporaryDirectory(prefix="corpusforge-check-") as scratch:
        only = replace(
            recipe, sources={item.source: recipe.sources[item.source] for item in inputs}
        )
        for part in documents.stage(scratch, only, inputs).parts:
            made = documents.make_chain(part, Guard(stop=_RECORDS))
            seen += made.documents
            texts = read_table(files.join(scratch, f"documents/{part.name}.parquet"), ["text"])
            batches = (pa.array(chunk) for chunk in texts.column("text").chunks)
            learned += sum(not window.held_out for window in draw(batches, side, train))
            if learned >= LEAST or made.documents >= _RECORDS:
                return
    raise InputError(too_little(side, learned, f" in {seen} records"))
