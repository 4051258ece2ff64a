"""`corpusforge push DIR hf://datasets/OWNER/NAME`: a finished directory to the hub, as one commit."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from corpusforge.errors import InputError
from corpusforge.io import hub
from corpusforge.printing import say

__all__ = ["add_parser"]


def add_parser(subparsers: Any) -> None:
    """Mount `push` under the command line."""
    parser = subparsers.add_parser(
        "push", help="upload an exported directory to the Hugging Face Hub"
    )
    parser.add_argument("directory", metavar="DIR", help="what an export wrote, with its README.md")
    parser.add_argument(
        "path", metavar="hf://datasets/OWNER/NAME", help="the repository, and a folder if you like"
    )
    parser.add_argument("--public", action="store_true", help="a new repository is public")
    parser.set_defaults(run_command=_push)


def _push(options: argparse.Namespace) -> int:
    if not (Path(options.directory) / "README.md").is_file():
        raise InputError(
            f"{options.directory!r} has no README.md, the card that the hub shows. Give a directory of "
            "export_shards, of an instruct run's export/datasets or of export_rankings' training."
        )
    where, count = hub.push(options.directory, options.path, private=not options.public)
    say(f"{count} files in one commit: {where}")
    return 0
