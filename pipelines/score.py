"""Quality scores for JSON lines, stand-alone.

    python -m pipelines.score --model MODEL --input 'corpus/*.jsonl.gz' --output scored.jsonl.zst

Every row is written as it was, with `score` (0..1, higher is more like the positives) added, or the
column that --score-column names: `toxicity`, for one. The model is one of ours, or any fastText
file (--label names its good label). Rows that cannot be read, or hold no text, are left out and counted.
Exit code: 0; 1 where an input is damaged or ends early (what stood before the damage is there); 2 for a
wrong input or option.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pyarrow as pa

from corpusforge.cputime import CPU_SECONDS, Bound, OverTimeError
from corpusforge.errors import InputError
from corpusforge.io.files import input_files
from corpusforge.io.jsonl import Bad, Row, read_rows, write_jsonl
from corpusforge.options import Parser, above_zero
from corpusforge.printing import say
from corpusforge.program import guard, tell_damage
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
    add("--cpu-seconds", type=above_zero, default=CPU_SECONDS, metavar="S",
        help="CPU time that a text may take, for every megabyte begun; a row beyond is left out and "
             "counted (default: %(default)g)")  # fmt: skip
    return options


@dataclass(slots=True)
class Account:
    """What became of the rows read: seen = written + failed."""

    seen: int = 0
    failed: int = 0
    example: str = ""
    repaired: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)


def readable(paths: Sequence[str], column: str, account: Account) -> Iterator[dict[str, Any]]:
    """Yield the rows that hold a text; count the others, and what was repaired, in `account`."""
    for path in paths:
        for row in read_rows(path):
            account.seen += 1
            value = row.value if isinstance(row, Row) else None
            if isinstance(row, Bad) and row.cut:
                account.damaged.append(f"{path}: {row.error} (line {row.number})")
            if (
                isinstance(row, Row)
                and isinstance(value, dict)
                and isinstance(value.get(column), str)
            ):
                account.repaired.update(row.repaired)
                yield value
            else:
                account.failed += 1
                account.example = account.example or f"{path}:{row.number}"


def bounded(scorer: Scorer, texts: pa.Array, bound: Bound) -> list[float | None]:
    """Return each text's score; None for one that takes more CPU time than the bound grants."""
    try:
        return bound.within(texts.nbytes, lambda: scorer.score(texts).tolist())
    except OverTimeError:
        if len(texts) == 1:
            return [None]
    half = len(texts) // 2
    return bounded(scorer, texts[:half], bound) + bounded(scorer, texts[half:], bound)


def scored(
    rows: Iterable[dict[str, Any]],
    scorer: Scorer,
    column: str,
    target: str,
    account: Account,
    bound: Bound,
) -> Iterator[Mapping[str, Any]]:
    """Yield each row with its score; count those over the bound as failed."""
    batch: list[dict[str, Any]] = []
    for row in chain(rows, [None]):
        if row is not None:
            batch.append(row)
        if batch and (row is None or len(batch) == _BATCH):
            texts = pa.array([item[column] for item in batch], type=pa.large_string())
            for item, value in zip(batch, bounded(scorer, texts, bound), strict=True):
                if value is None:
                    account.failed += 1
                    over = bound.told(len(item[column]))
                    account.example = account.example or f"{over}: {item[column][:40]!r}"
                else:
                    yield {**item, target: value}
            batch = []


def run(argv: Sequence[str] | None = None) -> Account:
    """Score the files; return the account. Raises InputError where no row has a text."""
    options = parser().parse_args(argv)
    scorer = load(Settings(model=options.model, label=options.label))
    account = Account()
    rows = readable(input_files(options.input, "--input"), options.text_column, account)

    def written() -> Iterator[Mapping[str, Any]]:
        bound = Bound("--cpu-seconds", options.cpu_seconds)
        columns = options.text_column, options.score_column
        yield from scored(rows, scorer, *columns, account, bound)
        if account.failed == account.seen > len(account.damaged):
            raise InputError(
                f"no row has a text in column {options.text_column!r} (the first: {account.example}). "
                "Set --text-column."
            )

    write_jsonl(options.output, written())
    return account


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0; 1 where an input is damaged, so that rows are missing; 2 for a wrong option."""
    return guard(lambda: _told(run(argv)))


def _told(account: Account) -> int:
    left_out = f", {account.failed:,} left out (the first: {account.example})"
    say(f"{account.seen - account.failed:,} rows" + (left_out if account.failed else ""))
    if account.repaired:
        say("repaired: " + ", ".join(f"{k} {n}" for k, n in sorted(account.repaired.items())))
    return tell_damage(account.damaged)


if __name__ == "__main__":
    sys.exit(main())
