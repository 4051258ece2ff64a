"""How fast `corpusforge view` opens and answers on a large run.

Writes into DIR the tables of a run of documents that were never there (every statistic drawn by hash, texts
of 390 characters, three in ten dropped), opens it and asks what each panel asks, twice: CPU seconds of the
first and second answer, and the memory of it all. A DIR that is there is opened as it is.

python -m benchmarks.view_scale DIR [--documents N]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import harness
from corpusforge import manifest as records
from corpusforge.filter.columns import COLUMNS
from corpusforge.hashing import id_keys, uniform
from corpusforge.io.parquet import Writer
from corpusforge.manifest import Manifest, part_name
from corpusforge.recipe import Recipe, Source
from corpusforge.records import DOCUMENT, DROPPED
from corpusforge.run.dropped_samples import SCHEMA
from corpusforge.view import beside, bounds, dropped, search
from corpusforge.view.tables import open_run

PART = 20_000
GROUP = 1_000
RULE = "gopher_quality.v1:words"


def write(run: Path, documents: int) -> None:
    """Write the run's tables."""
    ledger = {"stage": "filter", "source": "web", "seen": 0, "kept": 0, "failed": 0, "notes": {}}
    gone = 0
    for part in range(documents // PART):
        ids = [f"{n:032x}" for n in range(part * PART, (part + 1) * PART)]
        draws = uniform(id_keys(ids), 1, "kept")
        lost = draws < 0.3
        gone += int(lost.sum())
        _part(run, part_name(part), np.array(ids), lost, draws)
    ledger |= {"seen": documents, "kept": documents - gone, "dropped": {RULE: gone}}
    manifest = Manifest("documents", "", "", {}, [], (), [ledger], {}, 0.0)
    records.write_json(str(run / "documents" / "manifest.json"), manifest)
    recipe = Recipe(name="large", sources={"web": Source(kind="web")})
    records.write_json(str(run / "recipe.json"), recipe)


def _part(run: Path, name: str, ids: np.ndarray, lost: np.ndarray, draws: np.ndarray) -> None:
    lang = np.where(draws * 1000 % 1 < 0.5, "en", "zh")
    keys = id_keys(ids.tolist())
    stats = {
        column: (uniform(keys, place, "statistic") * 400).astype(np.int64)
        for place, column in enumerate(COLUMNS)
    }
    rows = {"id": ids, "source": np.full(len(ids), "web"), "lang": lang, "text_bytes": stats["chars"],
            "rule": np.where(lost, RULE, ""), **stats}  # fmt: skip
    _write(run / "stats" / f"{name}.parquet", pa.table(rows), None)
    words = [f"{int(key):020d} harbour lamp 灯塔 " * 10 for key in keys]
    kept = {"id": ids, "source": rows["source"], "lang": lang, "text": words}
    table = pa.table(kept)
    _write(run / "documents" / f"{name}.parquet", table.filter(pa.array(~lost)), DOCUMENT)
    told = table.append_column("rule", pa.array(rows["rule"]))
    for key, value in (("stage", "filter"), ("value", "23"), ("bound", "50 .. 100000")):
        told = told.append_column(key, pa.array([value] * len(ids)))
    told = told.filter(pa.array(lost))
    _write(run / "dropped" / f"documents-{name}.parquet", told, DROPPED)
    _write(run / "samples" / f"{name}.parquet", told.slice(0, 2), SCHEMA)


def _write(path: Path, table: pa.Table, schema: pa.Schema | None) -> None:
    if schema is not None:
        columns = [
            table[field.name].cast(field.type) if field.name in table.column_names
            else pa.nulls(len(table), field.type).fill_null("") if not field.nullable
            else pa.nulls(len(table), field.type)
            for field in schema
        ]  # fmt: skip
        table = pa.table(columns, schema=schema)
    with Writer(str(path), table.schema) as out:
        for batch in table.combine_chunks().to_batches(max_chunksize=GROUP):
            out.write(batch)


def main() -> int:
    """Print the table."""
    options = harness.arguments(__doc__)
    options.add_argument("directory", type=Path)
    options.add_argument("--documents", type=int, default=1_000_000)
    given = options.parse_args()
    if not given.directory.exists():
        write(given.directory, given.documents)
    view, opened = harness.timed(lambda: open_run(str(given.directory)))
    one = view.rows("SELECT id FROM documents LIMIT 1")[0]["id"]
    questions = {
        "the funnel and the measures": lambda: (dropped.funnel(view), bounds.measures(view)),
        "what a rule dropped": lambda: dropped.documents(view, stage="filter", rule=RULE),
        "a histogram": lambda: bounds.histogram(view, RULE),
        "a moved bound": lambda: bounds.counts(view, RULE, 100, None),
        "documents near a bound": lambda: bounds.near(view, RULE, 100, end="low"),
        "a search in all texts": lambda: search.find(view, "00001234"),
        "a history": lambda: search.history(view, one),
        "two runs (itself, opened again)": lambda: beside.moves(
            view, open_run(str(given.directory))
        ),
    }
    print(harness.machine("duckdb", "pyarrow"))
    harness.heads("what", "first, CPU s", "again, CPU s")
    harness.row("open", f"{opened:.2f}", "")
    for name, question in questions.items():
        harness.row(name, *(f"{harness.timed(question)[1]:.2f}" for _ in range(2)))
    print(f"peak memory {harness.peak_mb():.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
