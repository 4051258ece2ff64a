"""What an export wrote: a file, its split, its rows, and the rows that its form cannot hold."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """One file. `split` is "train", "validation", or "" for a file that is about the whole set."""

    path: str
    split: str
    rows: int
    left_out: int = 0
