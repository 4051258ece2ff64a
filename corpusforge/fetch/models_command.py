"""The command `models`: fetch a published model file, checked against its SHA-256."""

from __future__ import annotations

import argparse
from typing import Any

from corpusforge.errors import InputError, nearest
from corpusforge.fetch.download import Remote, download
from corpusforge.fetch.settings import Settings
from corpusforge.identify.model_file import KNOWN, directory
from corpusforge.io import files
from corpusforge.printing import say

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add `models fetch NAME` below the subparsers; return its parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "models", help="fetch the language model lid.176, checksum checked"
    )
    kinds = parser.add_subparsers(dest="models_command", required=True)
    fetch = kinds.add_parser(
        "fetch", help="download a model to the place where engines look for it"
    )
    fetch.add_argument("name", help="one of " + ", ".join(KNOWN))
    fetch.add_argument(
        "--output", help="directory; default: CORPUSFORGE_MODELS, else the user's cache"
    )
    fetch.add_argument("--base", help="another server that holds the file by its name (a mirror)")
    parser.set_defaults(run_command=run)
    return parser


def run(options: argparse.Namespace) -> int:
    """Fetch the model that the options name; return the exit code.

    Raises InputError for an unknown name, an address that does not answer, a wrong checksum.
    """
    model = KNOWN.get(options.name)
    if model is None:
        raise InputError(
            f"models fetch {options.name!r}: expected one of {', '.join(KNOWN)}."
            + nearest(options.name, tuple(KNOWN))
        )
    url = f"{options.base.rstrip('/')}/{model.name}" if options.base else model.url
    target = files.join(options.output or str(directory()), model.name)
    remote = Remote(url, model.name, f"sha256:{model.sha256}", model.size)
    done = download(remote, target, Settings())
    note = "already there" if not done.requests else f"from {url}"
    say(f"{done.path}  {done.size} bytes, {note}; licence {model.licence}")
    return 0
