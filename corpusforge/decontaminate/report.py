"""What was found, per evaluation set: items, documents, cuts, drops, and examples to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from corpusforge.decontaminate.fuzzy import Fuzzy
from corpusforge.decontaminate.index import EvalIndex

__all__ = ["EXAMPLES", "describe_index", "excerpt", "report"]

EXAMPLES = 5
"""Examples a set."""

_MARGIN = 40


def excerpt(text: str, start: int, end: int, longest: int = 240) -> str:
    """Return the characters around start:end on one line, at most about `longest` of them."""
    low, high = max(0, start - _MARGIN), min(len(text), end + _MARGIN, start + longest)
    return " ".join(text[low:high].split())


def describe_index(index: EvalIndex) -> dict[str, dict[str, Any]]:
    """Return, per set, its number of items and how many of them no rule of that name can find."""
    fuzzy = Fuzzy.of(index, 1.0)
    found = index.arrays["passage_item"][fuzzy.searchable]
    missed = {rule: index.unsearchable(rule) for rule in ("gpt3.v1", "ngram13.v1", "ngram8.v1")}
    missed["fuzzy.v1"] = sorted(set(range(len(index.item_ids))) - set(found.tolist()))
    owner = np.array(index.item_benchmark, dtype=np.int64)
    return {
        name: {
            "items": int(np.sum(owner == number)),
            "too_short": {
                rule: int(np.sum(owner[np.array(items, dtype=np.int64)] == number))
                for rule, items in missed.items()
            },
        }
        for number, name in enumerate(index.benchmarks)
    }


def report(
    index: EvalIndex, hits: Sequence[Mapping[str, Any]], actions: Mapping[str, str]
) -> dict[str, Any]:
    """Return the report per set.

    `hits` rows with id, item (number), gram, rule, share, excerpt; `actions` tell "cut" or "dropped"
    for each document id. An n-gram that several items hold counts for all of them. Rows without an
    item (-1) are of no set.
    """
    sets: dict[str, dict[str, Any]] = {
        name: {**about, "items_found": set(), "documents": {}, "rules": Counter(), "examples": []}
        for name, about in describe_index(index).items()
    }
    named = [row for row in hits if row["item"] >= 0]
    holders = {_key(row): row["item"] for row in named}
    # Each n-gram's items are walked once, not once a hit: a phrase of every item may be in every text.
    shared = {key: _by_set(index, key[0], item) for key, item in holders.items()}
    for held in shared.values():
        for benchmark, items in held.items():
            sets[benchmark]["items_found"].update(items)
    for row in named:
        for benchmark, items in shared[_key(row)].items():
            about = sets[benchmark]
            about["rules"][row["rule"]] += len(items)
            fresh = row["id"] not in about["documents"]
            about["documents"][row["id"]] = actions.get(row["id"], "ignored")
            if fresh and len(about["examples"]) < EXAMPLES:
                keys = ("id", "rule", "share", "excerpt")
                about["examples"].append({**{key: row[key] for key in keys}, "item": items[0]})
    for about in sets.values():
        about["items_found"] = len(about["items_found"])
        about["rules"] = dict(sorted(about["rules"].items()))
        about["actions"] = dict(sorted(Counter(about["documents"].values()).items()))
        about["documents"] = len(about["documents"])
    return sets


def _key(row: Mapping[str, Any]) -> tuple[int, int]:
    """What decides which items a hit is of: its n-gram, else its one item."""
    return (row["gram"], -1) if row["gram"] >= 0 else (-1, row["item"])


def _by_set(index: EvalIndex, gram: int, item: int) -> dict[str, list[str]]:
    """Return the item ids that hold an n-gram (of -1: the item alone), by evaluation set."""
    found: dict[str, list[str]] = {}
    for number in index.items_of(gram) if gram >= 0 else [item]:
        benchmark, name = index.name_of(number)
        found.setdefault(benchmark, []).append(name)
    return found
