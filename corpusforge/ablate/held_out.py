"""Texts that no run was trained on: read, drawn, told apart by language, and checked against each run.

What a run was trained on is decoded from its stream, so the check sees duplicates, cuts and
redactions as the model saw them. Words count that stand in an n-gram (`decontaminate`'s gpt3.v1: 13
words, the whole text where it is shorter; compared letter by letter) which some run was trained on.
Limit: a text of fewer than 8 words, or 13 unspaced characters, cannot be searched for; its share is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge import ingest
from corpusforge.ablate.settings import Settings
from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.items import EvalItem
from corpusforge.decontaminate.scan import Scanner
from corpusforge.errors import InputError
from corpusforge.extract import Extracted, extract
from corpusforge.extract import Settings as ExtractSettings
from corpusforge.hashing import id_keys, uniform
from corpusforge.identify import identify
from corpusforge.ingest.names import kind_of
from corpusforge.io.files import input_files
from corpusforge.printing import say
from corpusforge.records import Failed, RawDocument

__all__ = ["HeldOut", "draw", "overlaps", "read_texts"]

_RULE = "gpt3.v1"
_LONGEST = 5_000  # characters of a held-out text; what follows is not measured
_BATCH = 1 << 22  # characters searched at once


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A held-out text, the set it is of and its language (ISO 639, "und": unknown)."""

    set: str
    lang: str
    text: str


def read_texts(pattern: str, option: str) -> Iterator[str]:
    """Yield the texts of files, the kind of each told by its name. Raises InputError.

    Records that cannot be read are counted on standard error.
    """
    for path in input_files([pattern], option):
        failed = 0
        for item in ingest.read(kind_of(path, "books"), path, ingest.Settings()):
            found = extract(item, ExtractSettings()) if isinstance(item, RawDocument) else item
            if isinstance(found, Extracted):
                yield found.text
            elif isinstance(found, Failed):
                failed += 1
        if failed:
            say(f"{option}: {path}: {failed} records could not be read", error=True)


def draw(name: str, texts: Iterable[str], settings: Settings) -> list[HeldOut]:
    """Return a set's texts, by language as many as `held_out_bytes` takes, in an order drawn by hash."""
    cut = {text[:_LONGEST].strip() for text in texts} - {""}
    if not cut:
        raise InputError(f"--held-out {name}: no text in its files. Give others, or leave it out.")
    known = sorted(cut)
    order = np.argsort(uniform(id_keys(known), 0, "ablate/held_out"), kind="stable")
    labels, _ = identify(pa.array(known, type=pa.large_string()))
    sizes: dict[str, int] = {}
    chosen = []
    for place in order.tolist():
        lang, text = labels[place], known[place]
        if sizes.get(lang, 0) < settings.held_out_bytes:
            sizes[lang] = sizes.get(lang, 0) + len(text.encode())
            chosen.append(HeldOut(name, lang, text))
    return chosen


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size > _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def overlaps(passages: Sequence[str], trained: Iterable[str]) -> NDArray[np.float64]:
    """Return each passage's share of words that stand in an n-gram of the trained texts, [passages].

    Of its forms, with its marks, without them and with blanks for them, the largest share counts. NaN for
    a passage that is too short to be searched for.
    """
    if not passages:
        return np.zeros(0)
    index = EvalIndex.build(EvalItem("held_out", str(n), (t,)) for n, t in enumerate(passages))
    scanner, arrays = Scanner(index, [_RULE], cpu_seconds=np.inf), index.arrays
    grams: set[int] = set()
    for batch in _batches(trained):
        grams.update(scanner.scan(batch).column("gram").to_pylist())
    covered = np.zeros(int(arrays["passage_words"][-1]), dtype=bool)
    for gram in grams:
        span = slice(*arrays["posting_start"][gram : gram + 2])
        places = arrays["posting_passage"][span], arrays["posting_offset"][span]
        for passage, offset in zip(*places, strict=True):
            first = int(arrays["passage_words"][passage]) + int(offset)
            covered[first : first + int(arrays["gram_length"][gram])] = True
    shares = np.full(len(passages), np.nan)
    for item, form in zip(
        arrays["passage_item"], np.split(covered, arrays["passage_words"][1:-1]), strict=True
    ):
        if len(form):
            shares[item] = np.fmax(shares[item], form.mean())
    shares[index.unsearchable(_RULE)] = np.nan
    return shares
