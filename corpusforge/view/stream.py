"""The mixture as it was asked for and delivered, and the stream itself: what a model reads, in order.

Ids are decoded by the run's own tokenizer, document by document; a character cut at an edge of a sequence
shows as U+FFFD. Limit: the stream of the shards (`shards/`), which a run keeps whatever `--keep` says.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from corpusforge.errors import InputError
from corpusforge.io.decoding import read_json
from corpusforge.io.parquet import read_table
from corpusforge.run.tokens import load_tokenizer
from corpusforge.shard.formats import packing_of
from corpusforge.shard.reader import TokenStream
from corpusforge.view.tables import View

__all__ = ["mixture", "sequence"]

LENGTH = 512
"""Ids of a sequence where the shards leave it open and nobody says."""
LONGEST = 16_384
_STRETCHES = 120
_SIDES = ("train", "val")


def mixture(view: View) -> dict[str, Any]:
    """Return the train stream by source: the share asked for and delivered, epochs, documents; `notes`.

    `stretches` are the shares of sources in equal stretches of the stream, float [stretches][sources]; empty
    where the run has no stream yet.
    """
    path = Path(view.run, "mix", "receipt.json")
    if not path.exists():
        return {"sources": [], "notes": [], "stretches": [], "packed": 0, "sides": []}
    receipt = read_json(str(path))
    rows = receipt["train"]["sources"]
    asked, given = (
        sum(row[key] for row in rows.values()) or 1 for key in ("asked_tokens", "delivered_tokens")
    )
    keys = ("weight", "documents", "draws", "epochs", "available", "delivered_tokens")
    sources = [
        {
            "source": name,
            "asked": row["asked_tokens"] / asked,
            "share": row["delivered_tokens"] / given,
        }
        | {key: row[key] for key in keys}
        for name, row in rows.items()
    ]
    sides = [side for side in _SIDES if _shards(view, side)]
    names = [row["source"] for row in sources]
    return {
        "sources": sources,
        "notes": receipt.get("notes", []),
        "stretches": _stretches(view, names) if "train" in sides else [],
        "packed": _packed(view, sides[0]) if sides else 0,
        "sides": sides,
    }


def _shards(view: View, side: str) -> list[Path]:
    return sorted(Path(view.run, "shards", side).glob("*.parquet"))


def _packed(view: View, side: str) -> int:
    """The ids of a sequence as the shards are packed, 0 where they are one stream."""
    return packing_of(pq.read_schema(_shards(view, side)[0]))[1]


def _stretches(view: View, names: list[str]) -> list[list[float]]:
    tables = [read_table(str(path), ["source", "tokens"]) for path in _shards(view, "train")]
    sources = [name for table in tables for name in table["source"].to_pylist()]
    tokens = np.array([n for table in tables for n in table["tokens"].to_pylist()], np.int64)
    ends = np.cumsum(tokens)
    if not len(ends) or not ends[-1]:
        return []
    edges = np.linspace(0, ends[-1], _STRETCHES + 1)
    number = np.array([names.index(name) for name in sources])
    held = np.empty((_STRETCHES, len(names)))
    for place in range(len(names)):
        # Tokens of the source before each edge: whole documents, and a share of the one across it.
        before = np.append(0.0, np.cumsum(np.where(number == place, tokens, 0)))
        held[:, place] = np.diff(np.interp(edges, np.append(0, ends), before))
    shares: list[list[float]] = np.round(held / held.sum(axis=1, keepdims=True), 4).tolist()
    return shares


@lru_cache(maxsize=4)
def _stream(view: View, side: str, length: int) -> TokenStream:
    if side not in _SIDES or not _shards(view, side):
        raise InputError(
            f"the run has no shards of {side!r}; expected train, once the run is complete."
        )
    if not 1 <= length <= LONGEST:
        raise InputError(f"a sequence of {length} ids; expected 1 to {LONGEST:,}.")
    return TokenStream(Path(view.run, "shards", side), length)


def sequence(view: View, number: int, *, length: int = 0, side: str = "train") -> dict[str, Any]:
    """Return sequence `number` (from 0) of `length` ids (0: as packed, else 512), document by document.

    `sequences` and `tokens` are the stream's. A stretch without id is padding. Raises InputError.
    """
    packed = _packed(view, side) if side in _SIDES and _shards(view, side) else 0
    stream = _stream(view, side, length or packed or LENGTH)
    if not 0 <= number < len(stream):
        raise InputError(f"sequence {number}; the stream has {len(stream):,}, from 0.")
    start = number * stream.seq_len
    stop = start + stream.seq_len
    places = list(stream.places(start, stop))
    ends = [*(first for first, _ in places[1:]), stop]
    tokenizer = load_tokenizer(view.run, view.recipe.tokenize)
    marks = {tokenizer.end_id, tokenizer.start_id}
    found = []
    for (first, place), last in zip(places, ends, strict=True):
        ids = stream.read(first, last).tolist()
        text = tokenizer.decode([one for one in ids if one not in marks]) if place.id else ""
        found.append(
            {"id": place.id, "source": place.source, "copy": place.copy, "offset": place.offset,
             "tokens": len(ids), "ends": bool(place.id) and tokenizer.end_id in ids, "text": text}
        )  # fmt: skip
    told = {"number": number, "length": stream.seq_len, "start": start}
    return told | {"sequences": len(stream), "tokens": stream.tokens, "documents": found}
