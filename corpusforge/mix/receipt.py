"""What was delivered: per source against what was asked, and the mixture's diversity.

Entropy is Shannon's, in bits, over tokens. Limit: the diversity of a column with unknown values
counts "unknown" as one value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from corpusforge.errors import InternalError
from corpusforge.mix.plan import Plan
from corpusforge.mix.sample import Draws
from corpusforge.mix.settings import Diversity

__all__ = ["Delivered", "Report", "delivered", "diversity", "receipt"]


@dataclass(frozen=True, slots=True)
class Report:
    """Entropy in bits and token shares by column, and the bounds that do not hold."""

    entropy: dict[str, float]
    shares: dict[str, dict[str, float]]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the stream, or a stretch of it, holds of one leaf: ids, documents, draws.

    A document is counted at its draw of epoch 0, which is its first: epochs come in turn.
    """

    tokens: int = 0
    documents: int = 0
    draws: int = 0

    def __add__(self, other: Delivered) -> Delivered:
        return Delivered(
            self.tokens + other.tokens,
            self.documents + other.documents,
            self.draws + other.draws,
        )


def delivered(draws: Draws) -> dict[str, Delivered]:
    """Return what draws hold of each leaf that they name."""
    found = {}
    for number, path in enumerate(draws.names):
        mine = draws.leaf == number
        first = int((draws.copy[mine] == 0).sum())
        found[path] = Delivered(int(draws.length[mine].sum()), first, int(mine.sum()))
    return found


def receipt(plan: Plan, found: Mapping[str, Delivered]) -> dict[str, dict[str, Any]]:
    """Return, by source, {weight, asked_tokens, delivered_tokens, epochs, documents, …}.

    `documents` counts each document once, `draws` each time it stands in the stream; a source that
    is split has the same figures of each sub-mix under `parts`. Raises InternalError where the
    tokens delivered are not those asked.
    """
    rows: dict[str, dict[str, Any]] = {}
    parts: dict[str, dict[str, Any]] = {}
    for share in plan.shares:
        have = found.get(share.path, Delivered())
        row: dict[str, Any] = {
            "delivered_tokens": have.tokens,
            "documents": have.documents,
            "draws": have.draws,
        }
        if have.tokens != share.asked:
            raise InternalError(
                f"mix: {share.path!r} was asked for {share.asked} tokens and "
                f"delivered {have.tokens}"
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
