"""The run's directory: whose it is, who holds it, what is kept of it.

Who holds it: `corpusforge.io.lock`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from corpusforge import manifest as records
from corpusforge.errors import CorpusforgeError, RunError
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json, read_json
from corpusforge.io.lock import lock
from corpusforge.recipe import Recipe

__all__ = [
    "KEEP",
    "claim",
    "clean",
    "lock",
    "note_errors",
    "read_error",
    "read_manifest",
    "read_recipe",
    "refuse_foreign",
    "survives",
]

KEEP = ("none", "final", "all")
_BETWEEN = (
    "ids", "windows", "signatures", "collisions", "neighbours", "grams", "sampled", "candidates", "tokens",
    "draws",
)  # fmt: skip
_INTERMEDIATE = {
    "all": (),
    "final": _BETWEEN,
    "none": (
        *_BETWEEN, "documents", "stats", "dropped", "failed", "classifier", "scores", "quality",
        "duplicates", "evaluation", "hits", "contamination", "facts", "tokenizer", "choice", "supply",
        "mix", "writings", "samples",
    ),
}  # fmt: skip


def claim(run: str, recipe: Recipe) -> None:
    """Write the resolved recipe into the run; raises RunError where another recipe's run lies there."""
    path = files.join(run, "recipe.json")
    if files.exists(path):
        earlier = read_recipe(run)
        if earlier.get("name") != recipe.name:
            raise RunError(
                f"{run!r} holds a run of recipe {earlier.get('name')!r}, not {recipe.name!r}. "
                "Choose another --output, or delete it."
            )
    else:
        refuse_foreign(run)
    records.write_json(path, recipe)


def refuse_foreign(run: str, *own: str) -> None:
    """Raise RunError where a local directory that is to be claimed holds more than its lock and `own`."""
    if files.is_remote(run):
        return
    foreign = [item.name for item in Path(run).iterdir() if item.name not in ("run.lock", *own)]
    if foreign:
        raise RunError(
            f"{run!r} holds files that no run wrote ({foreign[0]!r}). Choose an empty --output."
        )


def read_recipe(run: str) -> dict[str, Any]:
    """Return the resolved recipe of a run as a dict; raises RunError where there is none."""
    path = files.join(run, "recipe.json")
    if not files.exists(path):
        raise RunError(f"{run!r} is not a run: it has no recipe.json.")
    recipe: dict[str, Any] = read_json(path)
    return recipe


def read_manifest(run: str) -> records.Manifest:
    """Return a run's manifest, which is written last; raises RunError where there is none."""
    top: records.Manifest | None = records.read_json(
        files.join(run, "manifest.json"), records.Manifest
    )
    if top is None:
        raise RunError(f"{run!r} has no readable manifest.json: the run is not complete.")
    return top


@contextmanager
def note_errors(run: str) -> Iterator[None]:
    """Leave the error that ends the block in `error.json`, for whoever looks later; delete an older one."""
    path = files.join(run, "error.json")
    files.remove(path)
    try:
        yield
    except Exception as error:
        with suppress(CorpusforgeError, OSError):  # a full disk must not hide what happened
            text = str(error) or type(error).__name__
            records.write_json(path, {"time": time.time(), "error": text})
        raise


def read_error(run: str) -> str:
    """Return the first line of the error that ended the run's last start, "" where there is none."""
    path = files.join(run, "error.json")
    if not files.exists(path):
        return ""
    with suppress(DecodingError, OSError):
        return str(decode_json(files.read_bytes(path))["error"]).split("\n", 1)[0]
    return ""


def survives(path: str, keep: str) -> bool:
    """Whether `--keep` leaves the file at `path` (inside the run) there."""
    return path.split("/", 1)[0] not in _INTERMEDIATE[keep]


def clean(run: str, keep: str, done: list[str]) -> None:
    """Delete the intermediate stages that `keep` does not ask for, every receipt, and what a run that
    was killed left half-written beside the stages."""
    gone = [*_INTERMEDIATE[keep], *(f"{name}/_receipts" for name in done)]
    for name in gone:
        if files.is_remote(run):
            for info in files.list_files(files.join(run, name, "**")):
                files.remove(info.path)
        else:
            shutil.rmtree(Path(run) / name, ignore_errors=True)
    if not files.is_remote(run):
        for path in Path(run).iterdir():
            if files.TEMPORARY.search(path.name):
                path.unlink(missing_ok=True)
