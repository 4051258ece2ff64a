"""What was delivered: per source against what was asked, repetition, and the mixture's diversity.

Entropy is Shannon's, in bits, over tokens. Limit: the diversity of a column with unknown values
counts "unknown" as one value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.errors import InternalError
from corpusforge.mix.plan import Plan
from corpusforge.mix.sample import Draws
from corpusforge.mix.settings import COLUMNS, Diversity
from corpusforge.mix.supply import Supplies

__all__ = [
    "Report",
    "diversity",
    "receipt",
    "repetition_ledger",
    "repetitions",
    "repetitions_table",
    "tokens_by",
]


@dataclass(frozen=True, slots=True)
class Report:
    """Entropy in bits and token shares by column, and the bounds that do not hold."""

    entropy: dict[str, float]
    shares: dict[str, dict[str, float]]
    failures: tuple[str, ...]


def receipt(plan: Plan, draws: Draws) -> dict[str, dict[str, Any]]:
    """Return, by source, {weight, asked_tokens, delivered_tokens, epochs, documents, …}.

    `documents` counts each document once, `draws` each time it stands in the stream; a source that
    is split has the same figures of each sub-mix under `parts`. Raises InternalError where the
    tokens delivered are not those asked.
    """
    rows: dict[str, dict[str, Any]] = {}
    parts: dict[str, dict[str, Any]] = {}
    for share in plan.shares:
        row = _delivered(draws, share.path)
        if row["delivered_tokens"] != share.asked:
            raise InternalError(
                f"mix: {share.path!r} was asked for {share.asked} tokens and "
                f"delivered {row['delivered_tokens']}"
            )
        row |= {"weight": share.weight, "asked_tokens": share.asked, "available": share.available}
        parts.setdefault(share.source, {})[share.path] = row
    for source, inner in parts.items():
        total = {key: sum(row[key] for row in inner.values()) for key in next(iter(inner.values()))}
        rows[source] = total | ({"parts": inner} if list(inner) != [source] else {})
    for row in [*rows.values(), *(row for inner in parts.values() for row in inner.values())]:
        there = row["available"]
        row["epochs"] = row["delivered_tokens"] / there if there else 0.0
    return rows


def _delivered(draws: Draws, path: str) -> dict[str, Any]:
    number = draws.names.index(path) if path in draws.names else -1
    mine = draws.leaf == number
    places = np.stack([draws.part[mine].astype(np.int64), draws.row[mine]])
    return {
        "delivered_tokens": int(draws.length[mine].sum()),
        "documents": int(np.unique(places, axis=1).shape[1]),
        "draws": int(mine.sum()),
    }


def repetitions(draws: Draws) -> dict[int, int]:
    """Return how many documents stand in the stream n times, by n."""
    table = repetitions_table(draws)
    counts = table.column("times").value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counts, key=lambda row: row["values"])}


def repetitions_table(draws: Draws) -> pa.Table:
    """Return the repetition ledger: part, row, and the times that document stands in the stream."""
    places = pa.table({"part": pa.array(draws.part), "row": pa.array(draws.row)})
    counted = places.group_by(["part", "row"]).aggregate([([], "count_all")])
    counted = counted.rename_columns(["part", "row", "times"])
    return counted.sort_by([("part", "ascending"), ("row", "ascending")])


def repetition_ledger(named: pa.Table, earlier: pa.Table | None = None) -> pa.Table:
    """Return how often each document stands in this stream and stood in those before.

    `named` holds a draw a row, with the columns id and source; `earlier` is the ledger of an
    earlier run. Columns: id, source, times, before; by id. A document keeps its id from run to run,
    so a replayed one is recognised.
    """
    times = named.select(["id", "source"]).group_by(["id", "source"]).aggregate([([], "count_all")])
    times = times.rename_columns(["id", "source", "times"])
    if earlier is None:
        table = times.append_column("before", pa.array(np.zeros(times.num_rows, dtype=np.int64)))
        return table.sort_by("id")
    total = pc.add(earlier.column("times"), earlier.column("before"))
    before = pa.table({"id": earlier.column("id"), "source_before": earlier.column("source")})
    joined = times.join(before.append_column("before", total), "id", join_type="full outer")
    return pa.table(
        {
            "id": joined.column("id"),
            "source": pc.coalesce(joined.column("source"), joined.column("source_before")),
            "times": pc.fill_null(joined.column("times"), 0),
            "before": pc.fill_null(joined.column("before"), 0),
        }
    ).sort_by("id")


def diversity(tokens: Mapping[str, Mapping[str, int]], bounds: Diversity) -> Report:
    """Return entropies and shares of `tokens` by column and value, checked against the bounds."""
    shares: dict[str, dict[str, float]] = {}
    entropy: dict[str, float] = {}
    for column, values in tokens.items():
        total = sum(values.values())
        shares[column] = {k: n / total for k, n in sorted(values.items()) if n} if total else {}
        parts = np.array(list(shares[column].values()))
        entropy[column] = float(-(parts * np.log2(parts)).sum()) + 0.0
    failures = [
        f"entropy of {column} is {entropy.get(column, 0.0):.3f} bits, at least {least:g} is asked"
        for column, least in sorted(bounds.entropy.items())
        if entropy.get(column, 0.0) < least
    ]
    largest = max(shares.get("source", {}).items(), key=lambda item: item[1], default=("", 0.0))
    if largest[1] > bounds.largest_source:
        failures.append(
            f"source {largest[0]!r} has {largest[1]:.1%} of the tokens, at most "
            f"{bounds.largest_source:.1%} is allowed"
        )
    return Report(entropy, shares, tuple(failures))


def tokens_by(
    draws: Draws, supplies: Supplies, columns: Sequence[str] = ("source", *COLUMNS)
) -> dict[str, dict[str, int]]:
    """Return tokens of the stream by column and value, for `diversity`."""
    length = pa.array(draws.length)
    numbers = pa.array(supplies.numbers(draws))
    result = {}
    for column in columns:
        values = pc.fill_null(supplies.index.column(column), "unknown").take(numbers)
        sums = pa.table({"value": values, "n": length}).group_by("value").aggregate([("n", "sum")])
        result[column] = {row["value"]: row["n_sum"] for row in sums.to_pylist()}
    return result
