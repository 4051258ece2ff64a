"""Quality scores for JSON lines, stand-alone.

    python -m pipelines.score --model MODEL --input 'corpus/*.jsonl.gz' --output scored.jsonl.zst

Every row is written as it was, with `score` (0..1, higher is more like the positives) added, or the
column that --score-column names: `toxicity`, for one. The model is one of ours, or any fastText
file (--label names its good label).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard
from corpusforge.score import Scorer, Settings, load

__all__ = ["main"]

_BATCH = 512


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.score",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add(
        "--model",
        required=True,
        metavar="FILE",
        help="a model of classifiers.*.train, or fastText's",
    )
    add("--input", action="append", required=True, metavar="GLOB", help="may be given repeatedly")
    add("--output", required=True, metavar="FILE", help="JSON lines; .gz and .zst compress")
    add("--text-column", default="text", metavar="NAME")
    add("--score-column", default="score", metavar="NAME", help="where the score is written")
    add("--label", default=Settings().label, help="good label of a fastText model")
    return options


def scored(
    rows: Iterable[dict[str, Any]], scorer: Scorer, column: str, target: str
) -> Iterator[Mapping[str, Any]]:
    """Yield each row with its score; raises InputError where a row has no text."""
    batch: list[dict[str, Any]] = []
    for row in chain(rows, [None]):
        if row is not None:
            if not isinstance(row.get(column), str):
                raise InputError(f"a row has no text in column {column!r}. Set --text-column.")
            batch.append(row)
        if batch and (row is None or len(batch) == _BATCH):
            texts = pa.array([item[column] for item in batch], type=pa.large_string())
            for item, value in zip(batch, scorer.score(texts).tolist(), strict=True):
                yield {**item, target: value}
            batch = []


def run(argv: Sequence[str] | None = None) -> int:
    """Score the files; return the number of rows written."""
    options = parser().parse_args(argv)
    scorer = load(Settings(model=options.model, label=options.label))
    paths = [info.path for glob in options.input for info in files.list_files(glob)]
    if not paths:
        raise InputError(f"--input {options.input[0]!r} matches no file. Quote globs.")
    rows = chain.from_iterable(read_jsonl(path) for path in paths)
    found = scored(rows, scorer, options.text_column, options.score_column)
    return write_jsonl(options.output, found)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: say(f"{run(argv):,} rows"))


if __name__ == "__main__":
    sys.exit(main())
