"""Quality scores for JSON lines, stand-alone.

    python -m pipelines.score --model MODEL --input 'corpus/*.jsonl.gz' --output scored.jsonl.zst

Every row is written as it was, with `score` (0..1, higher is more like the positives) added, or the
column that --score-column names: `toxicity`, for one. The model is one of ours, or any fastText
file (--label names its good label). Rows that cannot be read, or hold no text, are left out and counted.
Exit code: 0; 1 where an input is damaged or ends early (what stood before the damage is there); 2 for a
wrong input or option.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from corpusforge.cputime import CPU_SECONDS, Bound, OverTimeError
from corpusforge.errors import InputError
from corpusforge.io.files import input_files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.rows import Reading
from corpusforge.options import Parser, above_zero
from corpusforge.printing import say
from corpusforge.program import guard, tell_damage
from corpusforge.score import Scorer, Settings, load
from corpusforge.score.step import score_rows

__all__ = ["main"]

_BATCH = 512


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("score", __doc__)
    add = options.add_argument
    add(
        "--model",
        required=True,
        metavar="FILE",
        help="a model of classifiers.*.train, or fastText's",
    )
    add("--input", action="append", required=True, metavar="GLOB", help="may be given repeatedly")
    add("--output", required=True, metavar="FILE", help="JSON lines; .gz and .zst compress")
    add("--text-column", default="text", metavar="NAME", help="column of the texts (default: text)")
    add("--score-column", default="score", metavar="NAME", help="where the score is written")
    add("--label", default=Settings().label, help="good label of a fastText model")
    add("--cpu-seconds", type=above_zero, default=CPU_SECONDS, metavar="S",
        help="CPU time that a text may take, for every megabyte begun; a row beyond is left out and "
             "counted (default: %(default)g)")  # fmt: skip
    return options


def bounded(scorer: Scorer, texts: pa.Array, bound: Bound) -> list[float | None]:
    """Return each text's score, by the step of a run; None for a text over the bound on CPU time."""
    rows = pa.record_batch({"text": texts})
    try:
        done = bound.within(texts.nbytes, lambda: score_rows(rows, scorer).rows)
    except OverTimeError:
        if len(texts) == 1:
            return [None]
    else:
        scores: list[float | None] = done.column("score").to_pylist()
        return scores
    half = len(texts) // 2
    return bounded(scorer, texts[:half], bound) + bounded(scorer, texts[half:], bound)


def scored(
    rows: Iterable[dict[str, Any]],
    scorer: Scorer,
    column: str,
    target: str,
    reading: Reading,
    bound: Bound,
) -> Iterator[Mapping[str, Any]]:
    """Yield each row with its score; count those over the bound as failed."""
    rows = iter(rows)
    while batch := list(islice(rows, _BATCH)):
        texts = pa.array([row[column] for row in batch], type=pa.large_string())
        for row, value in zip(batch, bounded(scorer, texts, bound), strict=True):
            if value is None:
                reading.failed += 1
                over = bound.told(len(row[column]))
                reading.example = reading.example or f"{over}: {row[column][:40]!r}"
            else:
                yield {**row, target: value}


def run(argv: Sequence[str] | None = None) -> Reading:
    """Score the files; return what was read. Raises InputError where no row has a text."""
    options = parser().parse_args(argv)
    scorer = load(Settings(model=options.model, label=options.label))
    column, reading = options.text_column, Reading()
    paths = input_files(options.input, "--input")
    found = reading.rows(paths, lambda row: isinstance(row.get(column), str))

    def written() -> Iterator[Mapping[str, Any]]:
        rows = (row.value for _, row in found)
        bound = Bound("--cpu-seconds", options.cpu_seconds)
        columns = options.text_column, options.score_column
        yield from scored(rows, scorer, *columns, reading, bound)
        if reading.failed == reading.seen > len(reading.damaged):
            raise InputError(
                f"no row has a text in column {column!r} (the first: {reading.example}). Set "
                "--text-column."
            )

    write_jsonl(options.output, written())
    return reading


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0; 1 where an input is damaged, so that rows are missing; 2 for a wrong option."""
    return guard(lambda: _told(run(argv)))


def _told(reading: Reading) -> int:
    left_out = f", {reading.failed:,} left out (the first: {reading.example})"
    say(f"{reading.seen - reading.failed:,} rows" + (left_out if reading.failed else ""))
    if reading.repaired:
        say(f"repaired: {reading.repairs}")
    return tell_damage(reading.damaged)


if __name__ == "__main__":
    sys.exit(main())
