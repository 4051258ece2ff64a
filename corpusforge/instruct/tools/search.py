"""Local search: the passages of a run's own documents, ranked by BM25 (the package `bm25s`).

A passage is never found for a text of the document that it comes from: its answer would be the text
itself. Words are those of `instruct.tokens`, and each pair of neighbours among Chinese characters.
Limits: the index is made anew in memory; no stemming, no stop words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from corpusforge.errors import InputError
from corpusforge.instruct.ground.passages import Document, cut_passages
from corpusforge.instruct.tokens import unicode_tokens
from corpusforge.instruct.tools.errors import ToolError

__all__ = ["Search"]

_HAN = re.compile(r"[\u3400-\u9fff]")
_PASSAGE = 240  # characters of a passage: what stands in a row as the result
_FOUND = 20  # passages looked at for one of another document
_LENGTH = 200  # characters of a query


class Search:
    """The passages of documents, and what BM25 needs to rank them."""

    def __init__(self, documents: Sequence[Document]) -> None:
        """Cut and index the documents. Raises InputError without the package or without a passage."""
        try:
            import bm25s
        except ImportError as error:
            raise InputError(
                "the tool search needs bm25s: pip install 'corpusforge[tools]'."
            ) from error
        self.passages = [one for document in documents for one in cut_passages(document, _PASSAGE)]
        if not self.passages:
            raise InputError(
                "the tool search has no passage to find: give longer documents, or leave it out."
            )
        self._words: dict[str, int] = {}
        held = [self._ids(words(one.text)) for one in self.passages]
        self._index: Any = bm25s.BM25()
        self._index.index((held, self._words), show_progress=False)

    def _ids(self, found: Sequence[str]) -> list[int]:
        return [self._words.setdefault(word, len(self._words)) for word in found]

    def find(self, query: str, document: str) -> str:
        """Return the best passage that is not of `document`. Raises ToolError where none holds a word."""
        known = [word for word in words(query[:_LENGTH]) if word in self._words]
        if not known or len(query) > _LENGTH:
            raise ToolError("no document holds a word of the query")
        count = min(_FOUND, len(self.passages))
        places, scores = self._index.retrieve([known], k=count, show_progress=False)
        for place, score in zip(places[0].tolist(), scores[0].tolist(), strict=True):
            if score > 0 and self.passages[place].document.id != document:
                return " ".join(self.passages[place].text.split())
        raise ToolError("no other document holds a word of the query")


def words(text: str) -> list[str]:
    """Return what a text is found by: its words in lower case; of Chinese characters each two neighbours."""
    made: list[str] = []
    before = ""
    for token in unicode_tokens(text.casefold()):
        if not _HAN.fullmatch(token):
            made.append(token)
            before = ""
            continue
        made.append(before + token if before else token)
        before = token
    return made
