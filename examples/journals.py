"""What the examples' `make_journal` share: a run is played with an engine once, and its journal is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from shutil import copyfile
from types import ModuleType
from typing import Any

from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Ask, Origin
from corpusforge.instruct.session import Job
from corpusforge.models.client import Client
from corpusforge.models.options import settings_from
from corpusforge.models.records import Completion, Engine, Request

__all__ = ["keep", "play"]


def keep(path: Path, engine: Engine, play: Callable[[Ask], Iterable[object]]) -> None:
    """Write to `path` the journal of all that is asked; the file there may be read meanwhile.

    Raises InputError with the words of the first request that was not answered.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "journal.jsonl"
        with Client(engine, made) as client:

            def ask(requests: Sequence[Request]) -> Sequence[Completion]:
                replies = client.complete(requests)
                if failed := next((one for one in replies if one.finish_reason == "error"), None):
                    raise InputError(failed.error)
                return replies

            for _ in play(ask):
                pass
        copyfile(made, path)


def play(
    path: Path, engine: Engine, pipeline: ModuleType, job: Callable[[Any], Job], options: Sequence[str]
) -> None:  # fmt: skip
    """Write to `path` the journal of a pipeline's run with these options, `job` being its job."""
    given = pipeline.parser().parse_args([*options, "--output", "unused"])
    made = job(pipeline.settings_of(given, settings_from(given)))
    keep(path, engine, lambda ask: made.make(ask, Origin(engine="", model="")))
