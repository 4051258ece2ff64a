"""The paper's quality review: a sheet of rows for a person to judge, and what a filled sheet says.

Wang et al. 2023 (section 4.3) judged 200 random instances: is the instruction a valid task, does the
input fit it, is the output right? The sheet is CSV for a spreadsheet and HTML for reading; intervals
are Wilson's. Limit: one judge a sheet; agreement between judges is `corpusforge.annotate`'s matter.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.records import Row
from corpusforge.io import files
from corpusforge.io.cells import inert

__all__ = ["QUESTIONS", "Answers", "Share", "read_review", "sample", "wilson", "write_review"]

QUESTIONS = ("valid_task", "input_fits", "output_right")
_YES, _NO = ("yes", "y", "1", "true", "是"), ("no", "n", "0", "false", "否")
_COLUMNS = ("id", "language", "instruction", "input", "output", *QUESTIONS, "comment")


def sample(rows: Sequence[Row], size: int = 200, seed: int = 0) -> list[Row]:
    """Return `size` rows drawn by seed and id, in the order of the rows; all where there are fewer."""
    draws = uniform(id_keys(row.id for row in rows), seed, "review")
    return [rows[k] for k in sorted(np.argsort(draws, kind="stable")[:size].tolist())]


def write_review(rows: Sequence[Row], directory: str, size: int = 200, seed: int = 0) -> list[str]:
    """Write review.csv (to be filled with yes or no) and review.html; return their paths."""
    chosen = sample(rows, size, seed)
    files.make_directory(directory)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for row in chosen:
        cells = (row.id, row.language, row.instruction, row.input, row.output)
        writer.writerow([*map(inert, cells), "", "", "", ""])
    sheet, page = files.join(directory, "review.csv"), files.join(directory, "review.html")
    # The mark at the head makes spreadsheets read Chinese as UTF-8.
    files.write_bytes(sheet, ("\ufeff" + text.getvalue()).encode("utf-8", "replace"))
    files.write_bytes(page, _html(chosen).encode("utf-8", "replace"))
    return [sheet, page]


_ITEM = Markup(
    "<article><h2>{}</h2><h3>instruction</h3><pre>{}</pre><h3>input</h3><pre>{}</pre>"
    "<h3>output</h3><pre>{}</pre></article>"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Review</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:50rem;padding:0 1rem}
pre{white-space:pre-wrap;background:#f4f4f4;padding:.5rem}h3{margin:.5rem 0;font-size:.9rem}
article{border-top:1px solid #999;margin-top:2rem}</style></head><body><h1>Review</h1>
<p>For each row write yes or no into review.csv. valid_task: the instruction describes a task that can
be done. input_fits: the input suits the instruction (yes where none is needed). output_right: the
output is a correct and complete answer.</p>
"""


def _html(rows: Sequence[Row]) -> str:
    items = (_ITEM.format(row.id, row.instruction, row.input, row.output) for row in rows)
    return _PAGE + "\n".join(items) + "\n</body></html>\n"


@dataclass(frozen=True, slots=True)
class Share:
    """`yes` of `judged` rows, and the 95 % Wilson interval of the share."""

    yes: int
    judged: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Return yes / judged, 0 where nothing was judged."""
        return self.yes / self.judged if self.judged else 0.0


@dataclass(frozen=True, slots=True)
class Answers:
    """What a filled sheet says: a share for each question, all three together, and rows left open."""

    shares: dict[str, Share]
    all_valid: Share
    rows: int
    open: int


def wilson(yes: int, judged: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the Wilson interval of a share (95 % by default); (0, 1) where nothing was judged."""
    if not judged:
        return 0.0, 1.0
    share, square = yes / judged, z * z
    middle = (share + square / (2 * judged)) / (1 + square / judged)
    reach = z / (1 + square / judged)
    reach *= math.sqrt(share * (1 - share) / judged + square / (4 * judged * judged))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def read_review(path: str) -> Answers:
    """Read a filled sheet. Raises InputError for missing columns, a row that stands there twice, or a word
    that is neither yes nor no.

    A row is judged when all three questions are answered; the others are counted as open.
    """
    text = files.read_bytes(path).decode("utf-8-sig", "replace")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in ("id", *QUESTIONS) if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path}: no column {missing[0]!r}; fill the review.csv that was written.")
    rows = list(reader)
    twice = [name for name, count in Counter(row["id"] for row in rows).items() if count > 1]
    if twice:
        raise InputError(
            f"{path}: row {twice[0]!r} stands there twice; keep one judgement of each."
        )
    judged = [
        answers
        for number, row in enumerate(rows, 2)
        if len(answers := _answers(row, f"{path}: row {number}")) == len(QUESTIONS)
    ]
    shares = {name: _share([answers[name] for answers in judged]) for name in QUESTIONS}
    together = _share([all(answers.values()) for answers in judged])
    return Answers(shares, together, len(rows), len(rows) - len(judged))


def _answers(row: dict[str, str], where: str) -> dict[str, bool]:
    found = {}
    for name in QUESTIONS:
        word = (row[name] or "").strip().lower()
        if word and word not in (*_YES, *_NO):
            raise InputError(f"{where}: {name} is {word!r}; write yes or no, or leave it empty.")
        if word:
            found[name] = word in _YES
    return found


def _share(values: Sequence[bool]) -> Share:
    return Share(sum(values), len(values), *wilson(sum(values), len(values)))
