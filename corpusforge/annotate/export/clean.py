"""Prompts and answers that overlap evaluation sets are left out, by the index that all data share.

A prompt is dropped whole when it or one of its answers is hit: half a ranking is none. The rules
and the index are those of `corpusforge.decontaminate`. Limit: hits are held in memory, texts are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from corpusforge.annotate.export.group import Group
from corpusforge.decontaminate import HITS, EvalIndex, Settings, frequent_grams
from corpusforge.decontaminate.step import scanner_of

__all__ = ["Removed", "contaminated"]

_BATCH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A prompt left out: the rule that hit, the evaluation set, its item, the share found.

    Rule "max_steps" without a set: the search of one of its texts reached that bound.
    """

    prompt: str
    rule: str
    benchmark: str
    item: str
    share: float


def _texts(group: Group) -> list[str]:
    own = [turn.content for turn in group.prompt.messages]
    written = [row.text for row in group.demonstrations]
    return own + [row.text for row in group.candidates] + written


def _batches(groups: Iterable[Group]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield (texts, prompt id of each)."""
    texts: list[str] = []
    owners: list[str] = []
    for group in groups:
        mine = _texts(group)
        texts += mine
        owners += [group.prompt.id] * len(mine)
        if len(texts) >= _BATCH:
            yield texts, owners
            texts, owners = [], []
    if texts:
        yield texts, owners


def contaminated(
    groups: Iterable[Group], index: EvalIndex, settings: Settings
) -> dict[str, Removed]:
    """Return why each prompt that overlaps an evaluation set is left out, by prompt id."""
    scanner = scanner_of(index, settings)
    hits: list[dict[str, Any]] = []
    number: dict[str, int] = {}
    for texts, owners in _batches(groups):
        for hit in scanner.scan(texts).to_pylist():
            hit["owner"] = owners[hit["document"]]
            hit["document"] = number.setdefault(hit["owner"], len(number))
            hits.append(hit)
    table = pa.Table.from_pylist(hits, schema=HITS)
    ignored = frequent_grams(table, settings.max_documents)
    found: dict[str, Removed] = {}
    for hit in hits:
        if hit["rule"] == "gpt3.v1" and hit["gram"] in ignored:
            continue
        benchmark, item = index.name_of(hit["item"])
        row = Removed(
            prompt=hit["owner"], rule=hit["rule"], benchmark=benchmark, item=item,
            share=round(hit["share"], 6),
        )  # fmt: skip
        found.setdefault(hit["owner"], row)
    return found
