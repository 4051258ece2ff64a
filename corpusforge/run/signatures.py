"""The signatures stage: MinHash signatures and band keys of the documents that quality kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from corpusforge.dedup.parts import KEY_FILE
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import sign_part
from corpusforge.io import files
from corpusforge.io.parquet import read_batches
from corpusforge.manifest import part_name
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.survivors import kept_rows, read_survivors
from corpusforge.text.fold import FOLD

__all__ = ["SUFFIXES", "make_signatures", "signed_by", "stage"]

_COLUMNS = ("id", "source", "lang", "url", "date", "text")
SUFFIXES = (".sig", ".keys", ".ids.parquet")


def stage(context: Context) -> Stage:
    """Return the signatures stage."""
    settings = context.recipe.dedup
    parts = tuple(
        Part("signatures", index, context.run, settings, size=context.part_size(index))
        for index in range(context.part_count)
    )
    return Stage(
        name="signatures",
        run=context.run,
        work=make_signatures,
        parts=parts,
        settings=signed_by(settings),
        reads=context.reads("documents", "scores", "quality"),
        pace=6.0,
    )


def signed_by(settings: Settings) -> dict[str, Any]:
    """Return what signatures depend on beside the texts."""
    names = ("slots", "ngram", "seed", "threshold", "recall")
    own = {name: getattr(settings, name) for name in names}
    exact = {"byte_exact": settings.byte_exact} if settings.byte_exact else {}
    return own | {"key_file": KEY_FILE, "fold": FOLD} | exact


def make_signatures(part: Part) -> PartResult:
    """Sign the surviving documents of one part, with what decides who survives beside them."""
    settings: Settings = part.settings
    prefix = f"signatures/{part.name}"
    signed = sign_part(_batches(part), settings, files.join(part.run, prefix))
    rows = int(signed.documents)
    return PartResult(outputs={prefix + suffix: rows for suffix in SUFFIXES}, documents=rows)


def _batches(part: Part) -> Iterator[pa.RecordBatch]:
    kept = kept_rows(part.run, part.index, "quality")
    scores = files.join(part.run, "scores", f"{part_name(part.index)}.parquet")
    values = [batch.column("score") for batch in read_batches(scores, ["score"])]
    score = pa.concat_arrays(values) if values else pa.array([], pa.float32())
    assert len(score) == len(kept)
    for batch in read_survivors(part.run, part.index, _COLUMNS, "quality"):
        own = score.take(batch.column("row"))
        yield pa.RecordBatch.from_arrays(
            [*batch.columns, own], names=[*batch.schema.names, "score"]
        )
