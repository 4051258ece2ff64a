"""Find the items of an index in texts: exact n-grams, and edited copies by `fuzzy`.

Every exact hit is compared with the item letter by letter, so a hash collision never makes a hit.
Limit: overlapping windows of one copy are as many hits; `edits` merges them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.cputime import CPU_SECONDS, Bound, OverTimeError
from corpusforge.decontaminate.fuzzy import Fuzzy
from corpusforge.decontaminate.index import RULE_BITS, EvalIndex
from corpusforge.decontaminate.settings import CPU_RULE, MAX_STEPS, SHARE, STEPS_RULE
from corpusforge.decontaminate.tables import (
    BASE,
    find_keys,
    gram_keys,
    make_table,
    prefix_hashes,
)
from corpusforge.decontaminate.words import Words, split_words, word_character
from corpusforge.text.arrays import I32, I64, U8, U32, Bools
from corpusforge.text.fold import FoldTable, fold_table, point_at
from corpusforge.text.jit import jit

__all__ = ["HITS", "Scanner", "character_offsets"]

HITS = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),  # place in the scanned array
        pa.field("start", pa.int64(), nullable=False),  # characters
        pa.field("end", pa.int64(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("gram", pa.int64(), nullable=False),  # -1 for fuzzy.v1
        pa.field("item", pa.int64(), nullable=False),  # number in the index; -1 where none is meant
        pa.field("share", pa.float32(), nullable=False),  # of the item's words found; 1 if exact
    ]
)


@jit
def _same(
    data: U8, starts: I64, ends: I64, word: int, size: int,
    chars: U32, word_chars: I64, first: int, fold: FoldTable,
) -> bool:  # fmt: skip
    """Whether `size` words of the text from `word` equal the index's words from `first`."""
    for k in range(size):
        at, stop = word_chars[first + k], word_chars[first + k + 1]
        i, end = starts[word + k], ends[word + k]
        while i < end:
            point, i = point_at(data, i)
            own = word_character(point, fold.points, fold.classes)
            if own >= 0:
                if at >= stop or chars[at] != own:
                    return False
                at += 1
        if at != stop:
            return False
    return True


@jit
def _equal(
    found: I64, gram_words: I64, gram_length: I32, data: U8, starts: I64, ends: I64,
    chars: U32, word_chars: I64, fold: FoldTable, out: Bools,
) -> None:  # fmt: skip
    for k in range(len(found)):
        word, gram = found[k, 1], found[k, 2]
        out[k] = _same(
            data, starts, ends, word, gram_length[gram],
            chars, word_chars, gram_words[gram], fold,
        )  # fmt: skip


@jit
def _characters(data: U8, offsets: I64, texts: I64, places: I64, out: I64) -> None:
    """out[k] = characters before byte places[k] of text texts[k]; sorted by text, then place."""
    text, i, count = -1, np.int64(0), 0
    for k in range(len(places)):
        if texts[k] != text:
            text, i, count = texts[k], offsets[texts[k]], 0
        while i < places[k]:
            count += (data[i] & 0xC0) != 0x80
            i += 1
        out[k] = count


def character_offsets(
    words: Words, texts: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the characters of the text as given before each byte place in the data; any order, int64.

    `texts` (numbers of texts), `places` (bytes) and the result (characters) are [places].
    """
    order = np.lexsort((places, texts))
    ordered = np.empty(len(places), dtype=np.int64)
    _characters(words.data, words.offsets, texts[order], places[order], ordered)
    for text, own in words.places.items():
        first, last = np.searchsorted(texts[order], [text, text + 1])
        ordered[first:last] = own[ordered[first:last]]
    out = np.empty(len(places), dtype=np.int64)
    out[order] = ordered
    return out


class Scanner:
    """Looks for the items of an index by the named rules; made once a process, then `scan`."""

    def __init__(
        self,
        index: EvalIndex,
        rules: Sequence[str],
        share: float = SHARE,
        max_steps: int = MAX_STEPS,
        cpu_seconds: float = CPU_SECONDS,
    ) -> None:
        self.index = index
        self.max_steps = max_steps
        self.bound = Bound("decontaminate.cpu_seconds", cpu_seconds)
        self.rules = tuple(rule for rule in rules if rule != "fuzzy.v1")
        self.fuzzy = Fuzzy.of(index, share) if "fuzzy.v1" in rules else None
        a = index.arrays
        wanted = sum(RULE_BITS[name] for name in set(self.rules))
        grams = np.flatnonzero(a["gram_rules"] & wanted).astype(np.int32)
        prefix = prefix_hashes(a["word_hashes"], BASE)
        keys = gram_keys(prefix, a["gram_words"][grams], a["gram_length"][grams])
        self.table = make_table(keys, grams)
        self.lengths = np.unique(a["gram_length"][grams]).astype(np.int64)

    def scan(self, texts: pa.Array | Sequence[str]) -> pa.Table:
        """Return the hits as a table of `HITS`, by document, start, end, rule, item, gram.

        A text whose search would take more than `max_steps` has a row of rule `STEPS_RULE` over all
        its words, with item -1 and share 0, instead of fuzzy.v1's; one over the bound on CPU time such a
        row of `CPU_RULE` over all of it, and no other.
        `texts` are strings [texts].
        """
        texts = texts if isinstance(texts, pa.Array) else pa.array(texts, type=pa.large_string())
        return self._bounded(texts)

    def _bounded(self, texts: pa.Array) -> pa.Table:
        """Search a batch in the time of a text of its size; one that is over again in halves."""
        size = pc.sum(pc.binary_length(texts)).as_py() or 0
        try:
            return self.bound.within(size, partial(self._scan, texts))
        except OverTimeError:
            if len(texts) == 1:
                return _over_time(texts)
        half = len(texts) // 2
        second = self._bounded(texts[half:])
        moved = pc.add(second.column("document"), half)
        place = second.schema.get_field_index("document")
        return pa.concat_tables(
            [self._bounded(texts[:half]), second.set_column(place, HITS.field(place), moved)]
        )

    def _scan(self, texts: pa.Array) -> pa.Table:
        words = split_words(texts)
        tables = self._exact(words)
        if self.fuzzy is not None:
            found = self.fuzzy.find(words, self.max_steps)
            document, passage, span = found.spans[:, 0], found.spans[:, 1], found.spans[:, 2:]
            item = self.index.arrays["passage_item"][passage]
            gram = np.full(len(item), -1)
            tables.append(_rows(words, "fuzzy.v1", document, span, gram, item, found.shares))
            over = np.flatnonzero(found.steps > self.max_steps)
            tables.append(_unsearched(words, over))
        keys = ("document", "start", "end", "rule", "item", "gram")
        whole = pa.concat_tables([*tables, HITS.empty_table()])
        return whole.sort_by([(key, "ascending") for key in keys])

    def _exact(self, words: Words) -> list[pa.Table]:
        a = self.index.arrays
        prefix = prefix_hashes(words.hashes, BASE)
        found = find_keys(prefix, words.texts, self.lengths, self.table)
        true = np.empty(len(found), dtype=bool)
        _equal(
            found, a["gram_words"], a["gram_length"], words.data, words.starts, words.ends,
            a["chars"], a["word_chars"], fold_table(), true,
        )  # fmt: skip
        document, word, gram = found[true].T
        span = np.stack([word, word + a["gram_length"][gram] - 1], axis=1)
        item = a["passage_item"][a["posting_passage"][a["posting_start"][gram]]]
        share = np.ones(len(gram), np.float32)
        tables = []
        for rule in self.rules:
            mine = np.flatnonzero(a["gram_rules"][gram] & RULE_BITS[rule])
            columns = document[mine], span[mine], gram[mine], item[mine], share[mine]
            tables.append(_rows(words, rule, *columns))
        return tables


def _unsearched(words: Words, over: NDArray[np.int64]) -> pa.Table:
    """Return rows of `HITS` that say of texts that they were not searched to their end."""
    span = np.stack([words.texts[over], words.texts[over + 1] - 1], axis=1)
    none = np.full(len(over), -1)
    share = np.zeros(len(over), np.float32)
    return _rows(words, STEPS_RULE, over, span, none, none.astype(np.int32), share)


def _over_time(texts: pa.Array) -> pa.Table:
    """Return the row of `HITS` that says of one text that it took too much CPU time."""
    size = len(texts[0].as_py() or "")
    values = {"document": 0, "start": 0, "end": size, "rule": CPU_RULE, "item": -1, "gram": -1}
    return pa.Table.from_pylist([{**values, "share": 0.0}], schema=HITS)


def _rows(
    words: Words, rule: str, document: NDArray[np.int64], span: NDArray[np.int64],
    gram: NDArray[np.int64], item: NDArray[np.int32], share: NDArray[np.float32],
) -> pa.Table:  # fmt: skip
    """Return rows of `HITS`; `span` holds the first and the last word of each hit."""
    start = character_offsets(words, document, words.starts[span[:, 0]])
    end = character_offsets(words, document, words.ends[span[:, 1]])
    names = pa.array([rule], type=pa.string()).take(pa.array(np.zeros(len(document), np.int64)))
    columns = [document, start, end, names, gram, item.astype(np.int64), share]
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=HITS)
