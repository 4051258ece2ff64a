"""Which site a directory has, by what lies in it: a run, an instruct pipeline's output, rankings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.view.server import Asked, Site, start

__all__ = ["Choice", "site_of"]

Answers = dict[str, Callable[[Asked], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the command was told beside the directory."""

    beside: str = ""
    journal: str = ""
    labels: str = ""
    reader: str = ""
    rows: int = 100
    seed: int = 0


def site_of(directory: str, choice: Choice) -> Site:
    """Return the site of a directory. Raises RunError, InputError for options of other directories."""
    instruct = Path(directory, "rows.jsonl").exists()
    of_runs, of_rows = choice.beside, choice.journal or choice.labels or choice.reader
    if of_runs and instruct:
        raise InputError(f"--beside is for runs; {directory!r} holds rows.jsonl.")
    if of_rows and not instruct:
        raise InputError(
            f"--journal, --labels and --reader are for outputs of instruct pipelines; {directory!r} has no "
            "rows.jsonl."
        )
    if instruct:
        return _rows(directory, choice)
    if Path(directory, "training").is_dir() or Path(directory, "figures.json").exists():
        return _rankings(directory)
    from corpusforge.view.run_site import run_site
    from corpusforge.view.tables import open_run

    return run_site(open_run(directory), open_run(choice.beside) if choice.beside else None)


def _rows(directory: str, choice: Choice) -> Site:
    from corpusforge.view import reading, rows

    if bool(choice.labels) != bool(choice.reader):
        raise InputError(
            "--labels and --reader belong together: the folder of labels, and who reads."
        )
    own = rows.open_rows(directory, choice.journal)
    scripts = ("common.js", "talk.js", "rows.js")
    head = {"name": Path(directory).resolve().name, "run": directory, **rows.counts(own)}

    def cards(asked: Asked) -> object:
        chosen = {name: asked.get(name, "") for name in ("step", "rule", "lang", "kind", "words")}
        return rows.cards(own, start=start(asked), **chosen)

    answers: Answers = {
        "overview": lambda _: head | {"reader": choice.reader},
        "rows": cards,
        "trace": lambda asked: rows.trace(own, asked.get("id", "")),
    }
    if not choice.labels:
        return Site("rows", scripts, answers)
    read = reading.open_reading(own, choice.labels, choice.reader, choice.rows, choice.seed)
    answers["reading"] = lambda _: reading.rows_of(own, read)
    answers["agreement"] = lambda _: reading.agreement(own, read)
    writes: Answers = {
        "label": lambda asked: reading.give(
            read, asked.get("id", ""), asked.get("label", ""), asked.get("why", "")
        )
    }
    return Site("rows", scripts, answers, writes)


def _rankings(directory: str) -> Site:
    from corpusforge.view import rankings

    own = rankings.open_rankings(directory)
    head = {"name": Path(directory).resolve().name, "run": directory}
    languages = sorted({row["language"] for row in own.prompts if row["language"]})

    def prompts(asked: Asked) -> object:
        chosen = {name: asked.get(name, "") for name in ("lang", "words")}
        return rankings.prompts(own, start=start(asked), **chosen)

    answers: Answers = {
        "overview": lambda _: head | {"languages": languages, "figures": rankings.figures(own)},
        "prompts": prompts,
        "pairs": lambda asked: rankings.pairs(own, start=start(asked)),
    }
    return Site("rankings", ("common.js", "talk.js", "rankings.js"), answers)
