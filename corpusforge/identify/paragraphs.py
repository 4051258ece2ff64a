"""The language of each paragraph, for pages that mix languages.

A paragraph here is a line that is not blank, since extractors write one a line. A short one, or one
that the engine doubts, takes the language of the paragraph before it in the same main script (else
of the document): names, headings and quotations in passing are not cut out of an article. Limit:
languages mixed inside one line are not told apart, and neither are short lines of like script.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from corpusforge.identify.labels import UNKNOWN
from corpusforge.identify.scripts import SCRIPTS, scripts
from corpusforge.text.packed import packed

__all__ = ["LEAST_BYTES", "Paragraphs", "only", "paragraphs"]

LEAST_BYTES = 60
"""Bytes from which a line's language is asked for: ten words of English, twenty characters of Chinese."""

SURE = 0.5
SECOND = 0.1  # share of its bytes in other languages from which a document counts as mixed

Read = Callable[[pa.Array], list[tuple[str, float]]]
_BLANKS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """A document's lines, blank ones too, and the label of each ("" for a blank one)."""

    lines: tuple[str, ...]
    labels: tuple[str, ...]

    def sizes(self) -> Counter[str]:
        """Return the bytes by language."""
        found: Counter[str] = Counter()
        for line, label in zip(self.lines, self.labels, strict=True):
            if label:
                found[label] += len(line.encode())
        return found

    @property
    def mixed(self) -> bool:
        """Whether other languages than the first have a tenth of the bytes or more."""
        sizes = self.sizes()
        total = sizes.total()
        return total > 0 and total - max(sizes.values()) >= SECOND * total


def paragraphs(texts: pa.Array | Sequence[str], read: Read) -> list[Paragraphs]:
    """Return the paragraphs of each text; `read` names the language of each of many texts.

    `texts` are strings [documents], and so many results.
    """
    documents = [text.split("\n") for text in pa.array(texts).to_pylist()]
    flat = [line for lines in documents for line in lines]
    array = pa.array(flat, type=pa.large_string())
    _, offsets = packed(array)
    asked = np.flatnonzero(np.diff(offsets) >= LEAST_BYTES)
    found: list[tuple[str, float]] = [(UNKNOWN, 0.0)] * len(flat)
    for i, answer in zip(asked.tolist(), read(array.take(pa.array(asked))), strict=True):
        found[i] = answer
    main = _main_scripts(array)
    bounds = list(itertools.accumulate(map(len, documents), initial=0))
    return [
        Paragraphs(tuple(lines), tuple(_labels(lines, found[a:b], main[a:b])))
        for lines, (a, b) in zip(documents, itertools.pairwise(bounds), strict=True)
    ]


def _main_scripts(lines: pa.Array) -> list[int]:
    """Return each line's commonest script as a place in `SCRIPTS`, -1 where it has no letter."""
    batch = scripts(lines)
    shares = np.stack([column.to_numpy() for column in batch.columns], axis=1)
    if not len(shares):
        return []
    return np.where(shares.max(axis=1) > 0, shares.argmax(axis=1), -1).tolist()


def _labels(lines: list[str], found: list[tuple[str, float]], main: list[int]) -> list[str]:
    """Return each line's label: the engine's where it is sure, else that of its script's last line."""
    sure = [label if score >= SURE else UNKNOWN for label, score in found]
    sizes: Counter[tuple[int, str]] = Counter()
    for line, label, script in zip(lines, sure, main, strict=True):
        if label != UNKNOWN:
            sizes[script, label] += len(line)
            sizes[-1, label] += len(line)
    last: dict[int, str] = {}
    for script in {*main, -1}:
        of_script = {label: n for (s, label), n in sizes.items() if s == script}
        if of_script:
            last[script] = max(sorted(of_script), key=of_script.__getitem__)
    out, before = [], last.get(-1, UNKNOWN)
    for line, label, script in zip(lines, sure, main, strict=True):
        if not line.strip():
            out.append("")
            continue
        if label != UNKNOWN:
            before = label
        elif script >= 0:
            before = last.get(script, _BY_SCRIPT.get(script, before))
        last[script] = before
        out.append(before)
    return out


_BY_SCRIPT = {SCRIPTS.index(name): label for name, label in (
    ("han", "zh"), ("kana", "ja"), ("hangul", "ko"), ("thai", "th"), ("greek", "el"),
    ("hebrew", "he"), ("georgian", "ka"), ("armenian", "hy"),
)}  # fmt: skip
"""Languages of short lines in a script that (nearly) one language has."""


def only(found: Paragraphs, wanted: frozenset[str]) -> tuple[str, Counter[str]]:
    """Return (text, paragraphs cut by language): the paragraphs of the wanted languages.

    A text of which nothing is cut comes back as it was.
    """
    cut = Counter(label for label in found.labels if label and label not in wanted)
    if not cut:
        return "\n".join(found.lines), cut
    pairs = zip(found.lines, found.labels, strict=True)
    rest = "\n".join(line for line, label in pairs if not label or label in wanted)
    return _BLANKS.sub("\n\n", rest).strip("\n"), cut
