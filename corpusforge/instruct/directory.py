"""A run's directory: whose it is, what its outputs are, and a manifest written last.

A directory belongs to the run that wrote `run.json`, which says what its rows depend on; another
run is refused there. Everything but the journal and the failures is written anew when a run ends.
Limit: a local directory, since the journal needs one.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from corpusforge import __version__
from corpusforge import manifest as records
from corpusforge.errors import RunError
from corpusforge.instruct import export
from corpusforge.instruct.records import Row
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.jsonl import write_jsonl
from corpusforge.models.budget import BudgetSpent

__all__ = ["check_formats", "claim", "in_words", "sweep", "write"]

_OWN = ("journal.jsonl", "failures.jsonl", "run.lock")
"""Files that may lie in a directory that no run has claimed yet."""


def check_formats(formats: Sequence[str]) -> None:
    """Raise RecipeError for an export form that is not known: before the run, not at its end."""
    for name in formats:
        export.find_format(name)


def in_words(error: BaseException) -> str:
    """Return why a run stopped, for its report."""
    if isinstance(error, BudgetSpent):
        return "budget spent"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "the engine does not answer"


def sweep(output: str) -> None:
    """Delete what a killed run was about to rename."""
    for path in Path(output).rglob("*"):
        if files.TEMPORARY.search(path.name):
            path.unlink()


def claim(output: str, facts: Mapping[str, Any]) -> None:
    """Write down what this directory's rows depend on; raises RunError where it says otherwise."""
    mine: dict[str, Any] = records.plain(facts)
    path = files.join(output, "run.json")
    if files.exists(path):
        earlier = read_json(path)
        for key in sorted(mine.keys() | earlier.keys()):
            if mine.get(key) != earlier.get(key):
                raise RunError(
                    f"{output!r} holds a run with {key} = {earlier.get(key)!r}; this one has "
                    f"{mine.get(key)!r}. Give the same value, or choose another --output."
                )
        return
    foreign = sorted(item.name for item in Path(output).iterdir() if item.name not in _OWN)
    if foreign:
        raise RunError(
            f"{output!r} holds files that no run wrote ({foreign[0]!r}). Choose an empty --output."
        )
    records.write_json(path, mine)


def write(
    output: str,
    stage: str,
    tables: Mapping[str, Sequence[Any]],
    others: Sequence[str],
    *,
    formats: Sequence[str],
    settings: Mapping[str, Any],
    extra: Mapping[str, Any],
    form: export.Settings | None = None,
) -> None:
    """Write tables (by file name, `rows.jsonl` among them), the export, and the manifest last.

    `others` are files and folders that the caller has written already. While the manifest is
    missing, so may others: a caller removes it first. Forms that an earlier run exported and this one
    does not are removed. `form` says how rows are exported.
    """
    shutil.rmtree(files.join(output, "export"), ignore_errors=True)
    counts = {
        name: write_jsonl(files.join(output, name), map(msgspec.to_builtins, rows))
        for name, rows in tables.items()
    }
    rows: Sequence[Row] = tables["rows.jsonl"]
    if rows:
        export.write(rows, files.join(output, "export"), formats, form)
    prefix = len(output.rstrip("/")) + 1
    written = set(counts)
    for name in [*others, "export"]:
        written |= {item.path[prefix:] for item in files.list_files(files.join(output, name))}
    manifest = records.Manifest(
        stage=stage,
        fingerprint=files.sha256(files.join(output, "run.json")),
        version=__version__,
        settings=dict(settings),
        inputs=[],
        outputs=tuple(
            records.describe(output, name, counts.get(name, 0)) for name in sorted(written)
        ),
        ledger=[],
        extra=dict(extra),
        documents=counts["rows.jsonl"],
    )
    records.write_json(files.join(output, "manifest.json"), manifest)
