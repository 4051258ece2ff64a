"""Report: one page, one JSON file, one card, one summary, all views of the same figures.

`RunData` is what the caller gathers; nothing here reads a run directory.
"""

from __future__ import annotations

from corpusforge.report.card import data_card
from corpusforge.report.data import (
    Bench,
    Decontamination,
    Dedup,
    Fertility,
    Histogram,
    Hit,
    LedgerRow,
    Mix,
    MixRow,
    Pair,
    RunData,
    Shards,
    Timing,
    from_json,
    to_json,
)
from corpusforge.report.diff import Difference, difference
from corpusforge.report.html import page, write_report
from corpusforge.report.terminal import lines, show, tables

__all__ = [
    "Bench",
    "Decontamination",
    "Dedup",
    "Difference",
    "Fertility",
    "Histogram",
    "Hit",
    "LedgerRow",
    "Mix",
    "MixRow",
    "Pair",
    "RunData",
    "Shards",
    "Timing",
    "data_card",
    "difference",
    "from_json",
    "lines",
    "page",
    "show",
    "tables",
    "to_json",
    "write_report",
]
