"""The share of sound rewrites in a run of rephrase, and what the gate misses, by what a person has read.

    python -m benchmarks.rephrase_sound draw REWRITES --input RUN --rows 100 --labels labels.jsonl
    python -m benchmarks.rephrase_sound count labels.jsonl

`draw` writes rewrites drawn by a hash of their ids, half of them kept and half refused, each beside its
passage and with an empty label. A reader fills it in without looking at `rule`: sound (all of it follows from
the passage, in the form asked for), weak (a flaw that misleads nobody) or wrong (something is false, made up,
or no rewrite). `count` prints the shares with 95 % intervals (Wilson) among kept and refused, and by rule.
Bounds are set by such labels, on other rewrites than those that the figures come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks import harness
from corpusforge.hashing import word64
from corpusforge.rephrase.sources import find_sources, read_source

SHOWN = ("style", "lang", "rule", "value", "bound", "ratio", "copied", "kept", "foreign", "near")


def draw(run: Path, inputs: list[str], count: int, seed: int) -> list[dict[str, Any]]:
    """Return rewrites to read, kept and refused in equal numbers as far as there are so many."""
    texts = {row["id"]: row["text"] for row in pq.read_table(run / "documents").to_pylist()}
    rows = pq.read_table(run / "candidates").to_pylist()
    rows.sort(key=lambda row: word64("rephrase sound", seed, row["id"]))
    kept = [row for row in rows if not row["rule"]][: count - count // 2]
    refused = [row for row in rows if row["rule"] and row["text"]][: count - len(kept)]
    chosen = sorted([*kept, *refused], key=lambda row: row["id"])
    parents = {row["parent"] for row in chosen}
    passages = {
        document.id: document.text
        for source in find_sources(inputs)
        for document in read_source(source)
        if document.id in parents
    }
    return [
        {
            "id": row["id"],
            "passage": passages[row["parent"]][row["start"] : row["end"]],
            "text": row["text"] or texts[row["id"]],
            "label": "",
            "why": "",
            **{name: row[name] for name in SHOWN},
        }
        for row in chosen
    ]


def table(rows: list[dict[str, Any]]) -> None:
    """Print the shares of kept and refused rewrites, and of each style and rule."""
    harness.heads("rewrites", "n", *harness.LABELS, "sound share")
    harness.sound([row for row in rows if not row["rule"]], "kept")
    for style in sorted({row["style"] for row in rows}):
        harness.sound(
            [row for row in rows if row["style"] == style and not row["rule"]], f"kept, {style}"
        )
    harness.sound([row for row in rows if row["rule"]], "refused")
    for rule in sorted({row["rule"] for row in rows if row["rule"]}):
        harness.sound([row for row in rows if row["rule"] == rule], f"refused, {rule}")


if __name__ == "__main__":
    harness.reading(
        __doc__,
        lambda chosen: draw(chosen.run, chosen.input, chosen.rows, chosen.seed),
        table,
        "--input",
    )
