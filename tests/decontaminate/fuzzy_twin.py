"""What fuzzy.v1 calls a copy, by its definition alone, with a textbook alignment."""

from __future__ import annotations

from collections.abc import Sequence


def common(passage: Sequence[str], stretch: Sequence[str]) -> int:
    """Length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(stretch) + 1)
    for word in passage:
        above = row
        row = [0]
        for j, other in enumerate(stretch):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
    return row[-1]


def least(passage: Sequence[str], share: float = 0.75) -> float:
    """The share of a passage's words that a copy holds: more of passages below 20 words."""
    return min(1.0, share + 0.1) if len(passage) < 20 else share


def is_copy(passage: Sequence[str], stretch: Sequence[str]) -> bool:
    """Whether a stretch of text is a copy: enough of the passage in order, not too far apart."""
    found = common(passage, stretch)
    return found >= least(passage) * len(passage) and 2 * found >= len(stretch)
