"""`corpusforge duplicates RUN`: clusters side by side, for a person to judge."""

from __future__ import annotations

import argparse
import shutil
from typing import Any

from corpusforge.printing import say_text

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Mount the subcommand `duplicates`."""
    options = commands.add_parser(
        "duplicates", help="show removed documents beside the kept ones, the least similar first"
    )
    options.add_argument("run", metavar="RUN", help="output of a run or of pipelines.dedup")
    options.add_argument("--limit", type=int, default=10, help="duplicates shown (default: 10)")
    options.add_argument("--id", default="", help="only the cluster of this document id")
    options.add_argument("--below", type=float, default=1.01, help="only similarities below this")
    options.add_argument(
        "--width",
        type=int,
        default=shutil.get_terminal_size((120, 40)).columns,
        help="columns of the terminal (default: as it is)",
    )
    options.set_defaults(run_command=_duplicates)


def _duplicates(options: argparse.Namespace) -> int:
    from corpusforge.dedup.show import show_clusters

    for text in show_clusters(options.run, options.limit, options.id, options.below, options.width):
        say_text(text)
    return 0
