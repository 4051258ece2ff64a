"""Every pair of a ranking across its tiers, better first: what pairwise reward losses are fed.

Pairs of one prompt share `group_id` and weigh 1 / (their number), since InstructGPT (Ouyang et al.
2022, section 3.5) takes all C(K, 2) pairs of a prompt as one batch element; tied candidates make no
pair. Limit: pairs follow the aggregated tiers, so they never contradict each other; `agreement` says
how many raters did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from corpusforge.annotate.aggregate import Consensus
from corpusforge.annotate.pairwise import Duels
from corpusforge.annotate.votes import Book

__all__ = ["Pair", "pair_counts", "pairs", "prompt_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One comparison. `group_id` is the prompt's id.

    `margin` is the gap of tiers, `score_margin` that of aggregated scores. `n_annotators` ranked
    both; `agreement` is the share of those who put one strictly first that put `chosen` first (0.5
    where nobody put either first).
    """

    group_id: str
    chosen: str
    rejected: str
    weight: float
    margin: float
    score_margin: float
    n_annotators: int
    agreement: float


def prompt_pairs(book: Book, found: Consensus, table: Duels, prompt: int) -> list[Pair]:
    """Return the cross-tier pairs of one prompt, best first; [] where nothing is ordered."""
    low, high = int(book.start[prompt]), int(book.start[prompt + 1])
    tier = found.tier[low:high]
    size = high - low
    order = sorted((int(tier[k]), book.candidates[low + k], k) for k in range(size) if tier[k])
    couples = [
        (i, j)
        for place, (one, _, i) in enumerate(order)
        for two, _, j in order[place + 1 :]
        if one < two
    ]
    if not couples:
        return []
    wins, ties = table.tables(prompt, size)
    weight = 1 / len(couples)
    rows = []
    for i, j in couples:
        won, lost = float(wins[i, j]), float(wins[j, i])
        rows.append(
            Pair(
                group_id=book.prompts[prompt],
                chosen=book.candidates[low + i],
                rejected=book.candidates[low + j],
                weight=weight,
                margin=float(tier[j] - tier[i]),
                score_margin=float(found.score[low + i] - found.score[low + j]),
                n_annotators=round(won + lost + float(ties[i, j])),
                agreement=won / (won + lost) if won + lost else 0.5,
            )
        )
    return rows


def pairs(book: Book, found: Consensus, table: Duels) -> Iterator[Pair]:
    """Yield the pairs of all prompts, those of one prompt together, by prompt id."""
    for prompt in range(len(book.prompts)):
        yield from prompt_pairs(book, found, table, prompt)


def pair_counts(book: Book, found: Consensus) -> tuple[int, int]:
    """Return (pairs across tiers, pairs within a tier) over all prompts: they sum to C(ranked, 2)."""
    across = tied = 0
    for p in np.flatnonzero(found.rankings):
        tier = found.tier[book.start[p] : book.start[p + 1]]
        count = np.bincount(tier)[1:]
        whole = int(count.sum())
        within = int((count * (count - 1) // 2).sum())
        tied += within
        across += whole * (whole - 1) // 2 - within
    return across, tied
