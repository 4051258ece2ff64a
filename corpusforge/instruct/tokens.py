"""How a text is cut into the tokens that novelty compares.

`rouge` gives the tokens of rouge_score 0.1.2 without its stemmer, bit for bit: lower case, runs of
[a-z0-9]; a Chinese text has none. `unicode` is the project's meaning of "word" (`text.words`) in the
folded text (`text.fold`, as duplicates are compared): runs of letters, digits and marks, and each Han,
kana or Thai character alone; on ASCII text without underscores it equals `rouge`. `char` takes every
letter and digit alone. Limit: no stemming, so "cat" and "cats" differ.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from corpusforge.text.fold import fold_text
from corpusforge.text.words import words

__all__ = ["TOKENIZERS", "char_tokens", "rouge_tokens", "unicode_tokens"]

_ROUGE = re.compile(r"[a-z0-9]+")
_ASCII_WORD = re.compile(r"\w+", re.ASCII)


def rouge_tokens(text: str) -> list[str]:
    """Return rouge_score's tokens of `text` (use_stemmer=False)."""
    return _ROUGE.findall(text.lower())


def unicode_tokens(text: str) -> list[str]:
    """Return the words of `text`, lower-cased; each character of an unspaced script is one."""
    if text.isascii():  # the same result as below, an order of magnitude faster
        return _ASCII_WORD.findall(text.lower())
    return words(fold_text(text))


def char_tokens(text: str) -> list[str]:
    """Return every letter and digit of `text` as a token of its own, with the marks on it."""
    return [part for word in unicode_tokens(text) for part in _characters(word)]


def _characters(word: str) -> list[str]:
    parts: list[str] = []
    for character in word:
        if parts and unicodedata.category(character)[0] in "MC":
            parts[-1] += character
        else:
            parts.append(character)
    return parts


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "char": char_tokens,
    "rouge": rouge_tokens,
    "unicode": unicode_tokens,
}
