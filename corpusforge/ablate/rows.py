"""Rows that a model is tuned on: conversations with a last answer, and prompts with ranked answers.

Rows are those of the exports: `messages` (`export/messages`, `training/sft`), and K-way rankings
(`training/kway`). A conversation is read as lines `User: …`, `Assistant: …`; the last answer alone is
learned, behind what was said before. What is too long for the context loses the beginning of what was
said, at most a half of the context being left to it, then the end of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.ablate.corpus import Corpus
from corpusforge.errors import InputError
from corpusforge.io.layouts import objects

__all__ = ["Group", "Row", "encoded", "fitted", "read_groups", "read_rows"]

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """What was said up to the answer, as it is read, and the answer with a blank before it."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Group:
    """A prompt's answers and their ranks from 1, equal for ties."""

    rows: tuple[Row, ...]
    ranks: tuple[int, ...]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The places of (better, worse) of each pair across ranks."""
        places = range(len(self.ranks))
        return [(a, b) for a in places for b in places if self.ranks[a] < self.ranks[b]]


def _asked(messages: Sequence[Mapping[str, Any]]) -> str:
    said = [f"{turn['role'].capitalize()}: {turn['content'].strip()}\n\n" for turn in messages]
    return "".join([*said, "Assistant:"])


def read_rows(path: str, option: str) -> list[Row]:
    """Return the rows of a file of `messages`; raises InputError, naming the row."""
    found = []
    for number, row in enumerate(objects(path), 1):
        try:
            *before, last = row["messages"]
            made = Row(_asked(before), f" {last['content'].strip()}")
            sound = last["role"] == "assistant" and bool(before) and bool(made.answer.strip())
        except (KeyError, TypeError, ValueError, AttributeError):
            sound = False
        if not sound:
            raise InputError(
                f"{option} {path}, row {number}: expected `messages` that end in an answer of the assistant "
                "(export/messages, training/sft)."
            )
        found.append(made)
    if not found:
        raise InputError(f"{option} {path}: no row. Give another file.")
    return found


def read_groups(path: str, option: str) -> list[Group]:
    """Return the prompts with answers of two ranks or more of a K-way file; raises InputError."""
    found = []
    for number, row in enumerate(objects(path), 1):
        try:
            asked = _asked(row["messages"])
            pairs = zip(row["candidates"], row["ranks"], strict=True)
            placed = [(Row(asked, f" {one['text'].strip()}"), int(rank)) for one, rank in pairs]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(
                f"{option} {path}, row {number}: expected `messages`, `candidates` and `ranks` "
                "(training/kway)."
            ) from None
        ranked = [(answer, rank) for answer, rank in placed if rank]
        if len({rank for _, rank in ranked}) > 1:
            found.append(Group(*map(tuple, zip(*ranked, strict=True))))
    if not found:
        raise InputError(f"{option} {path}: no prompt has answers of two ranks. Give another file.")
    return found


def encoded(rows: Sequence[Row], corpus: Corpus) -> list[tuple[Ids, Ids]]:
    """Return the ids of each row's prompt, the stream's first id before it, and of its answer; int64."""
    texts = [text for row in rows for text in (row.prompt, row.answer)]
    ids, offsets = corpus.tokenizer.encode(pa.array(texts, type=pa.large_string()))
    pieces = np.split(ids.astype(np.int64), offsets[1:-1])
    return [
        (np.concatenate([[corpus.prefix], prompt]), answer)
        for prompt, answer in zip(pieces[::2], pieces[1::2], strict=True)
    ]


def fitted(prompt: Ids, answer: Ids, end: int, context: int) -> tuple[Ids, int]:
    """Return a sequence of at most context + 1 ids that ends in the end id, and where its answer begins."""
    answer = np.append(answer, end)
    room = max(context + 1 - len(answer), context // 2)
    kept = prompt[max(0, len(prompt) - room) :]
    answer = answer[: context + 1 - len(kept)]
    return np.concatenate([kept, answer]), len(kept)
