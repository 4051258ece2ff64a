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

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks import harness
from corpusforge.hashing import word64
from corpusforge.rephrase.sources import find_sources, read_source

LABELS = ("sound", "weak", "wrong")
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
    harness.heads("rewrites", "n", *LABELS, "sound share")
    _count([row for row in rows if not row["rule"]], "kept")
    for style in sorted({row["style"] for row in rows}):
        _count([row for row in rows if row["style"] == style and not row["rule"]], f"kept, {style}")
    _count([row for row in rows if row["rule"]], "refused")
    for rule in sorted({row["rule"] for row in rows if row["rule"]}):
        _count([row for row in rows if row["rule"] == rule], f"refused, {rule}")


def _count(rows: list[dict[str, Any]], name: str) -> None:
    counts = [sum(row["label"] == label for row in rows) for label in LABELS]
    low, high = harness.wilson(counts[0], len(rows))
    share = counts[0] / len(rows) if rows else 0.0
    harness.row(name, len(rows), *counts, f"{share:.2f} [{low:.2f}, {high:.2f}]")


def main() -> None:
    """Draw rewrites to read, or count what was read."""
    parser = harness.arguments(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw", help="rewrites of a run, to be read")
    drawing.add_argument("run", type=Path)
    drawing.add_argument("--input", action="append", required=True)
    drawing.add_argument("--rows", type=int, default=100)
    drawing.add_argument("--seed", type=int, default=0)
    drawing.add_argument("--labels", type=Path, required=True)
    commands.add_parser("count", help="what was read").add_argument("labels", type=Path)
    options = parser.parse_args()
    if options.command == "draw":
        rows = draw(options.run, options.input, options.rows, options.seed)
        options.labels.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
        )
        return
    rows = [json.loads(line) for line in options.labels.read_text("utf-8").splitlines()]
    unread = [row["id"] for row in rows if row["label"] not in LABELS]
    if unread:
        raise SystemExit(f"{len(unread)} rows have no label of {', '.join(LABELS)}: {unread[0]} …")
    table(rows)


if __name__ == "__main__":
    main()
