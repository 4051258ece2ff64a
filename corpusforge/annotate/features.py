"""What could sway a rater other than quality: length, copying from the prompt, stock phrases.

Extractiveness is the share of an answer's word 3-grams that stand in the prompt (the coverage idea
of Grusky et al. 2018); words are the project's, so a Han character is one. Stock phrases are those
of `data/stock_phrases.txt`, counted without regard to case. Limit: phrases are matched as strings,
in English and Chinese only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from corpusforge.annotate.records import Task
from corpusforge.annotate.votes import Book
from corpusforge.text.words import words

__all__ = ["FEATURES", "extractiveness", "measure", "stock_phrases"]

FEATURES = ("length", "position", "extractiveness", "stock_phrases")
"""Length in doublings, places earlier on the screen, tenths of 3-grams copied, phrases."""
_GRAM = 3


@functools.cache
def _phrases() -> re.Pattern[str]:
    text = (resources.files("corpusforge.annotate") / "data/stock_phrases.txt").read_text("utf-8")
    lines = [line.strip() for line in text.splitlines()]
    wanted = sorted((x for x in lines if x and not x.startswith("#")), key=lambda x: (-len(x), x))
    return re.compile("|".join(map(re.escape, wanted)), re.IGNORECASE)


def stock_phrases(text: str) -> int:
    """Return how many stock phrases a text holds."""
    return len(_phrases().findall(text.replace("’", "'")))


def _grams(text: str) -> list[tuple[str, ...]]:
    found = words(text)
    return list(zip(found, found[1:], found[2:], strict=False))


def extractiveness(answer: str, prompt: set[tuple[str, ...]]) -> float:
    """Return the share of the answer's word 3-grams that are among the prompt's; 0 without any."""
    grams = _grams(answer)
    return sum(gram in prompt for gram in grams) / len(grams) if grams else 0.0


def measure(book: Book, tasks: Mapping[str, Task], prompts: Sequence[int]) -> NDArray[np.float64]:
    """Return [C, 4] (columns `FEATURES`, position left 0) for the candidates of some prompts.

    Rows of other prompts are NaN. Units: log2 of characters, tenths of 3-grams, phrases.
    """
    out = np.full((len(book.candidates), len(FEATURES)), np.nan)
    for p in prompts:
        text: dict[str, str] = {}
        for name in book.sources[p]:
            text.update((row.id, row.text) for row in tasks[name].candidates)
        turns = tasks[book.sources[p][0]].prompt.messages
        asked = {gram for turn in turns for gram in _grams(turn.content)}
        for place in range(int(book.start[p]), int(book.start[p + 1])):
            answer = text[book.candidates[place]]
            copied = 10 * extractiveness(answer, asked)
            out[place] = np.log2(max(len(answer), 1)), 0, copied, stock_phrases(answer)
    return out
