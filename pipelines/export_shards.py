"""Finished shards in another shape: a data set of another tool, or packed sequences.

    python -m pipelines.export_shards runs/sample/shards/train --to arrow --output data/arrow
    python -m pipelines.export_shards runs/sample/shards/train --to best_fit --pad 4095 --output DIR

`arrow` opens with `datasets.load_from_disk`, `parquet` with anything, `mds` with mosaicml-streaming,
`webdataset` with webdataset, `olmo` with OLMo-core. `best_fit` packs whole documents into fixed
sequences, `one` puts one document in each; both are shards again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard
from corpusforge.shard import FORMS, PACKINGS, export, pack_shard

__all__ = ["main", "run"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.export_shards",
        description="Write finished shards as a data set of another tool, or as packed sequences.",
    )
    add = options.add_argument
    add("shards", metavar="DIR", help="a directory of shards: shards/train or shards/val of a run")
    add(
        "--to",
        required=True,
        metavar="FORM",
        help=f"form of the copy: {', '.join([*FORMS, *PACKINGS])}, or your own (docs/shard.md)",
    )
    add("--output", required=True, metavar="DIR", help="where to write; a new directory")
    add("--sequence", type=int, default=2048, metavar="N", help="ids of a packed sequence (2048)")
    add("--pad", type=int, metavar="ID", help="id that fills packed sequences, e.g. the end id")
    return options


def run(argv: Sequence[str] | None = None) -> str:
    """Do what the command line says and return a line about it; raises CorpusforgeError."""
    options = parser().parse_args(argv)
    if Path(options.output).exists() and any(Path(options.output).iterdir()):
        raise InputError(f"--output {options.output!r} is not empty. Give a new directory.")
    if options.to in PACKINGS:
        return _pack(options)
    made = export(options.shards, options.output, options.to)
    return f"{made['rows']:,} rows, {made['tokens']:,} ids in {options.output}"


def _pack(options: argparse.Namespace) -> str:
    shards = sorted(Path(options.shards).glob("*.bin"))
    if not shards:
        raise InputError(f"{options.shards}: no shards (*.bin). Give shards/train of a run.")
    if options.pad is None or options.sequence < 2:
        raise InputError("packed sequences need --pad ID and --sequence N of at least 2.")
    Path(options.output).mkdir(parents=True, exist_ok=True)
    receipts = [
        pack_shard(
            str(path.with_suffix("")),
            str(Path(options.output) / path.stem),
            options.to,
            options.sequence,
            options.pad,
        )
        for path in shards
    ]
    tokens = sum(receipt.tokens for receipt in receipts)
    padding = sum(receipt.padding for receipt in receipts)
    return (
        f"{tokens // options.sequence:,} sequences of {options.sequence} in {options.output}; "
        f"{padding:,} ids of padding ({padding / max(tokens, 1):.2%})"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: say(run(argv)))


if __name__ == "__main__":
    sys.exit(main())
