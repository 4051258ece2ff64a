"""Passages of documents: cut at paragraphs and sentences, a drawn few of a whole run kept.

Documents are those that the pretraining run kept (`corpusforge.survivors`), or JSON lines with
`text`. Reading is streamed and holds as many passages as are drawn. Limits: a sentence longer than a
passage is left out; a title is not part of a passage. Sizes are in characters, or in what `measure` counts.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa

from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, make_id, uniform
from corpusforge.identify import UNKNOWN, identify
from corpusforge.instruct.seeds import language_of
from corpusforge.io import files
from corpusforge.io.layouts import objects

__all__ = ["Document", "Passage", "cut_passages", "draw_passages", "read_documents"]

_COLUMNS = ("id", "source", "url", "licence", "lang", "title", "text")
_SENTENCE = re.compile(r".+?(?:[.!?][\"')\]”’]*(?=\s)|[。！？][”’」』）]*|\Z)\s*", re.DOTALL)
_PARAGRAPH = re.compile(r"[^\n]+(?:\n+|\Z)")
_LEAST = 4  # a passage has at least 1 in 4 of the characters it may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is read of a document."""

    id: str
    text: str
    source: str = ""
    url: str = ""
    licence: str = ""
    lang: str = ""
    title: str = ""

    @property
    def language(self) -> str:
        """The language that the document says ("zh" for "zh-Hant"), else what is identified.

        Where that is unsure, the script decides between "en" and "zh".
        """
        if self.lang:
            return self.lang.partition("-")[0]
        (found,), _ = identify(pa.array([self.text], type=pa.large_string()))
        return language_of(self.text) if found == UNKNOWN else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """`text` is the document's text from `start` to `end`."""

    id: str
    document: Document
    text: str
    start: int
    end: int


def read_documents(source: str) -> Iterator[Document]:
    """Yield the documents of a pretraining run's directory or of a file of rows. Raises InputError."""
    if files.exists(files.join(source, "documents")):
        yield from _of_run(source)
        return
    if not files.exists(source) or Path(source).is_dir():
        raise InputError(
            f"{source!r} is neither a run of the pretraining pipeline nor a file of rows."
        )
    name = Path(source).name
    for number, row in enumerate(objects(source), 1):
        if not isinstance(row.get("text"), str):
            raise InputError(f"{source}: row {number} has no `text`.")
        given = {key: str(row[key]) for key in _COLUMNS if row.get(key) is not None}
        yield Document(**{"id": make_id(name, str(number)), **given})


def _of_run(run: str) -> Iterator[Document]:
    from corpusforge.survivors import ORDER, read_survivors

    upto = next(
        stage for stage in reversed(ORDER) if files.exists(files.join(run, stage, "manifest.json"))
        or stage == ORDER[0]
    )  # fmt: skip
    parts = files.list_files(files.join(run, "documents", "part-*.parquet"))
    for index in range(len(parts)):
        for batch in read_survivors(run, index, _COLUMNS, upto):
            for row in batch.select(list(_COLUMNS)).to_pylist():
                yield msgspec.convert({key: row[key] or "" for key in _COLUMNS}, Document)


Measure = Callable[[str], int]
"""The size of a text: its characters, or its tokens."""


def cut_passages(
    document: Document, most: int, least: int = 0, measure: Measure = len
) -> Iterator[Passage]:
    """Yield the passages of a document: whole paragraphs, else sentences, of a size up to `most`.

    `least` is the size of the smallest, a quarter of `most` where it is 0; smaller ones are left out.
    """
    least = least or -(-most // _LEAST)
    start = end = 0
    for first, last in _units(document.text, most, measure):
        if measure(document.text[start:last].rstrip()) > most or first != end:
            yield from _passage(document, start, end, least, measure)
            start = first
        end = last
    yield from _passage(document, start, end, least, measure)


def _units(text: str, most: int, measure: Measure) -> Iterator[tuple[int, int]]:
    """(start, end) of paragraphs, and of the sentences of those that are too long."""
    for found in _PARAGRAPH.finditer(text):
        if measure(found[0].rstrip()) <= most:
            yield found.span()
            continue
        for sentence in _SENTENCE.finditer(text, *found.span()):
            if measure(sentence[0].rstrip()) <= most:
                yield sentence.span()


def _passage(
    document: Document, start: int, end: int, least: int, measure: Measure
) -> Iterator[Passage]:
    text = document.text[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    if measure(text) >= least:
        name = make_id("instruct.passage", f"{document.id}\x00{start}\x00{text}")
        yield Passage(id=name, document=document, text=text, start=start, end=start + len(text))


def draw_passages(
    documents: Iterable[Document], languages: Iterable[str], count: int, most: int, seed: int
) -> dict[str, list[Passage]]:
    """Return `count` passages of each language, drawn by hash, in the order of the draw.

    A document says its language by `lang` ("zh", "zh-Hant", "en"); without it the text is identified.
    """
    heaps: dict[str, list[tuple[float, str, Passage]]] = {name: [] for name in languages}
    for document in documents:
        language = document.language
        if language not in heaps:
            continue
        passages = list(cut_passages(document, most))
        draws = uniform(id_keys(one.id for one in passages), seed, "passages")
        for drawn, passage in zip(draws.tolist(), passages, strict=True):
            entry = (-drawn, passage.id, passage)
            if len(heaps[language]) < count:
                heapq.heappush(heaps[language], entry)
            elif entry[:2] > heaps[language][0][:2]:
                heapq.heapreplace(heaps[language], entry)
    return {
        name: [one for *_, one in sorted(heap, key=lambda entry: (-entry[0], entry[1]))]
        for name, heap in heaps.items()
    }
