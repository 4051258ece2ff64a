"""Rows read by people: a file of labels for each reader, and how far readers agree.

A reader's file is NAME.jsonl in a folder of labels: the rows drawn for reading, each with the label that the
reader gave or "" so far, as `benchmarks.instruct_sound` draws and counts them. Readers of one folder are
given the same rows. Limit: the folder is on a local disk, and one page writes a reader's file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
import numpy as np

from corpusforge.annotate.agreement import alpha_matrix, cohen_kappa
from corpusforge.errors import InputError
from corpusforge.instruct.reading import LABELS, draw
from corpusforge.io import files
from corpusforge.io.jsonl import read_jsonl
from corpusforge.view.rows import Rows, card

__all__ = ["Reading", "agreement", "give", "open_reading", "rows_of"]

_NAME = re.compile(r"[\w][\w.-]{0,60}")
_LONGEST = 2000


@dataclass(frozen=True, eq=False)
class Reading:
    """One reader's labels: rows in the order of reading, each with `label` and `why`."""

    folder: Path
    reader: str
    rows: list[dict[str, Any]]
    lock: Lock = field(default_factory=Lock)

    @property
    def path(self) -> Path:
        """The reader's file."""
        return self.folder / f"{self.reader}.jsonl"


def open_reading(own: Rows, folder: str, reader: str, count: int, seed: int) -> Reading:
    """Open a reader's labels in a folder, the rows drawn where nobody has read there yet.

    Raises InputError for a name that is no file name, or a file that holds other rows.
    """
    if not _NAME.fullmatch(reader):
        raise InputError(
            f"--reader {reader!r}: expected a name of letters, digits, dots and hyphens."
        )
    reading = Reading(Path(folder), reader, [])
    others = sorted(reading.folder.glob("*.jsonl"))
    found = reading.path if reading.path.exists() else next(iter(others), None)
    rows = list(read_jsonl(str(found))) if found else draw(own.rows, count, seed)
    for row in rows:
        if not {"id", "label", "why"} <= row.keys() or row["id"] not in own.by_id:
            raise InputError(
                f"{found}: {row.get('id')!r} is no row of {own.directory!r} with label and why."
            )
    if found != reading.path:
        rows = [{**row, "label": "", "why": ""} for row in rows]
    reading.rows.extend(rows)
    return reading


def rows_of(own: Rows, reading: Reading) -> dict[str, Any]:
    """Return the rows to be read, without what a model said of them, with this reader's labels."""
    shown = [card(own.by_id[row["id"]]) | {"facts": []} for row in reading.rows]
    labels = [{key: row[key] for key in ("label", "why")} for row in reading.rows]
    rows = [one | label for one, label in zip(shown, labels, strict=True)]
    return {"reader": reading.reader, "file": str(reading.path), "rows": rows}


def give(reading: Reading, name: str, label: str, why: str) -> dict[str, Any]:
    """Write a label into the reader's file; "" takes it back. Raises InputError for another one."""
    if label not in ("", *LABELS):
        raise InputError(f"label {label!r}; expected {', '.join(LABELS)}.")
    with reading.lock:
        row = next((row for row in reading.rows if row["id"] == name), None)
        if row is None:
            raise InputError(f"{name!r} is none of the rows to be read.")
        row |= {"label": label, "why": why[:_LONGEST]}
        reading.folder.mkdir(parents=True, exist_ok=True)
        encoded = [msgspec.json.encode(one) for one in reading.rows]
        files.write_bytes(str(reading.path), b"\n".join([*encoded, b""]))
        return {"read": sum(bool(one["label"]) for one in reading.rows), "rows": len(reading.rows)}


def agreement(own: Rows, reading: Reading) -> dict[str, Any]:
    """Return each reader's labels counted, and of two or more how far they agree.

    Cohen's kappa of each two (nominal) and Krippendorff's alpha of all (ordinal), over rows that were read;
    None where undefined. `apart` are rows with different labels that this reader has read.
    """
    read = {
        path.stem: {row["id"]: row for row in read_jsonl(str(path)) if row["label"] in LABELS}
        for path in sorted(reading.folder.glob("*.jsonl"))
    }
    names = [row["id"] for row in reading.rows]
    codes = np.array(
        [
            [LABELS.index(rows[n]["label"]) if n in rows else np.nan for n in names]
            for rows in read.values()
        ],
        dtype=np.float64,
    ).reshape(len(read), len(names))
    counted = [
        {
            "reader": reader,
            **{label: sum(row["label"] == label for row in rows.values()) for label in LABELS},
        }
        for reader, rows in read.items()
    ]
    pairs = [
        {"readers": [list(read)[i], list(read)[j]], **_pair(codes[i], codes[j])}
        for i, j in combinations(range(len(read)), 2)
    ]
    mine = read.get(reading.reader, {})
    apart = [
        card(own.by_id[name]) | {"facts": [], "labels": _labels(read, name)}
        for name in names
        if name in mine and len({rows[name]["label"] for rows in read.values() if name in rows}) > 1
    ]
    alpha = _number(alpha_matrix(codes, "ordinal")) if len(read) > 1 else None
    return {"readers": counted, "pairs": pairs, "alpha": alpha, "apart": apart}


def _labels(read: dict[str, dict[str, dict[str, Any]]], name: str) -> list[tuple[str, str, str]]:
    return [
        (who, rows[name]["label"], rows[name]["why"]) for who, rows in read.items() if name in rows
    ]


def _pair(one: Any, two: Any) -> dict[str, Any]:
    both = ~(np.isnan(one) | np.isnan(two))
    table = [
        [int(((one == i) & (two == j)).sum()) for j in range(len(LABELS))]
        for i in range(len(LABELS))
    ]
    return {
        "both": int(both.sum()),
        "same": int((one[both] == two[both]).sum()),
        "kappa": _number(cohen_kappa(one, two)),
        "table": table,
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
