"""A run's Parquet files as DuckDB views, by the names of their directories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from corpusforge import manifest as records
from corpusforge import recipe as recipes
from corpusforge.errors import InputError, RunError
from corpusforge.io import files
from corpusforge.manifest import Manifest
from corpusforge.recipe import Recipe
from corpusforge.records import DOCUMENT, DROPPED
from corpusforge.report.data import LedgerRow
from corpusforge.run import directory
from corpusforge.run.dropped_samples import SCHEMA

__all__ = ["View", "open_run"]

_SCORES = pa.schema([(name, pa.string()) for name in ("id", "source", "lang")]).append(
    pa.field("score", pa.float64())
)
_QUALITY = pa.schema([("id", pa.string()), ("kept", pa.bool_())])
_DUPLICATES = pa.schema(
    [
        *((name, pa.string()) for name in ("removed", "kept", "method", "cluster", "removed_source",
                                           "kept_source", "part")),
        ("similarity", pa.float32()), ("cluster_size", pa.int64()), ("row", pa.int64()),
    ]
)  # fmt: skip
_REPEATS = pa.schema(
    [*((name, pa.int64()) for name in ("row", "start", "end")), ("part", pa.string())]
)
_CONTAMINATION = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "benchmark", "item", "rule")),
        ("drop", pa.bool_()),
        *_REPEATS,
    ]
)
_HITS = pa.schema([("id", pa.string()), ("start", pa.int64()), ("end", pa.int64())])
_TABLES = {
    "documents": ("documents/part-*.parquet", DOCUMENT),
    "stats": ("stats/part-*.parquet", None),
    "dropped": ("dropped/*.parquet", DROPPED),
    "samples": ("samples/part-*.parquet", SCHEMA),
    "scores": ("scores/part-*.parquet", _SCORES),
    "quality": ("quality/part-*.parquet", _QUALITY),
    "duplicates": ("duplicates/part-*.parquet", _DUPLICATES),
    "repeats": ("duplicates/repeats-*.parquet", _REPEATS),
    "contamination": ("contamination/part-*.parquet", _CONTAMINATION),
    "hits": ("hits/part-*.parquet", _HITS),
}
"""View → files, and the columns of none; a run without statistics is not looked at."""
_NUMBERED = "SELECT * EXCLUDE filename, regexp_extract(filename, '([0-9]+)\\.parquet$', 1) AS part"
"""With the number of the document part that a file describes, where the table is joined by row."""
_REFUSED = """CREATE VIEW refused AS
    SELECT d.*, coalesce(s.lang, x.lang, t.lang, '') AS lang, s.text AS sampled,
           s.text IS NOT NULL OR x.id IS NOT NULL AS told
    FROM dropped d LEFT JOIN samples s USING (id)
    LEFT JOIN (SELECT id, lang FROM documents) x USING (id)
    LEFT JOIN (SELECT id, lang FROM stats WHERE rule <> '') t USING (id)"""
"""What was dropped with its language, the sample of its text, and whether any text of it is kept."""
_GLOB = re.compile(r"([\[*?])")


@dataclass(frozen=True, eq=False)
class View:
    """An opened run. `database` is DuckDB's; each query takes a cursor of it, from any thread."""

    run: str
    recipe: Recipe
    database: Any

    def table(self, query: str, *values: Any) -> pa.Table:
        """Return what a query finds, `values` standing for its "?"."""
        with self.database.cursor() as cursor:
            return cursor.sql(query, params=list(values)).to_arrow_table()

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return what a query finds as one dict a row."""
        return self.table(query, *values).to_pylist()

    def documents(self, ids: list[str]) -> list[dict[str, Any]]:
        """Return the documents of some ids that were written, with their text, in no order."""
        names = "id, url, source, lang, locator, text"
        wanted = "id IN (SELECT unnest(?))"
        return self.rows(f"SELECT {names} FROM documents WHERE {wanted}", ids)  # noqa: S608

    @cached_property
    def ledger(self) -> list[LedgerRow]:
        """The accounts of every finished stage."""
        paths = sorted(Path(self.run).glob("*/manifest.json"))
        found = [records.read_json(str(path), Manifest) for path in paths]
        ledger = records.merge_ledgers([manifest.ledger for manifest in found if manifest])
        return [LedgerRow(**row) for row in ledger.rows()]


def open_run(run: str) -> View:
    """Open a run, finished or not. Raises RunError where there is nothing to see.

    Raises InputError where DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise InputError("view needs DuckDB: pip install 'corpusforge[view]'.") from error
    if files.is_remote(run):
        raise RunError(f"{run!r} lies in an object store; view reads local runs. Copy it first.")
    directory.read_recipe(run)
    if not list(Path(run, "stats").glob("part-*.parquet")):
        raise RunError(
            f"{run!r} holds no statistics (stats/part-*.parquet): its first stage is not finished, or it "
            "was made with --keep none. Give its command again, with --keep all or final."
        )
    # What is needed is inside DuckDB's wheel: it never looks for extensions on a network.
    offline: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    database = duckdb.connect(":memory:", config=offline)
    for name, (pattern, schema) in _TABLES.items():
        _mount(database, name, Path(run).resolve(), pattern, schema)
    database.execute(_REFUSED)
    return View(run, recipes.load(files.join(run, "recipe.json")), database)


def _mount(database: Any, name: str, run: Path, pattern: str, schema: pa.Schema | None) -> None:
    if schema is not None and not list(run.glob(pattern)):
        database.register("nothing", schema.empty_table())
        database.execute(f"CREATE TABLE {name} AS FROM nothing")
        database.unregister("nothing")
        return
    folder = _GLOB.sub(r"[\1]", run.as_posix())
    path = f"{folder}/{pattern}".replace("'", "''")
    numbered = schema is not None and "part" in schema.names
    what, more = (_NUMBERED, ", filename=true") if numbered else ("SELECT *", "")
    database.execute(f"CREATE VIEW {name} AS {what} FROM read_parquet('{path}'{more})")
