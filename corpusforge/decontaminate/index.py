"""The index of evaluation sets: built once, one file, used for every kind of training data.

Exact rules look up n-grams of normalised words: 13 words, the whole passage where it is shorter
(gpt3.v1 after Brown et al. 2020, who shorten n for sets of short items; ours shortens it for the
item), 13 (ngram13.v1) or 8 (ngram8.v1). Scripts written without spaces count one word a character,
so their n-grams are 1.6 times as long. A passage whose words change when its marks are left out or
made blanks (half-price, don't, code) stands in the index in those forms too. `fuzzy.v1` looks up
short seeds (see `fuzzy`). The words' characters are kept, so every hit is compared letter by letter.
Limit: a passage of fewer than 8 words is not searched for; `unsearchable` lists those items.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.decontaminate.items import EvalItem
from corpusforge.decontaminate.merge import merged_arrays
from corpusforge.decontaminate.words import LONE, Words, folded_words, split_words
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import decode_json

__all__ = ["RULE_BITS", "EvalIndex"]

RULE_BITS = {"gpt3.v1": 1, "ngram13.v1": 2, "ngram8.v1": 4}
"""The exact rules' bits in gram_rules."""

_LONG, _SHORT = 13, 8
_UNSPACED_FACTOR = 1.6  # characters a word in Chinese text, within 1.5 to 1.7 in segmented corpora
_MARK = re.compile(r"[^\w\s]")
_MAGIC = b"corpusforge evaluation index 2\n"

Grams = dict[tuple[int, bytes], int]


@dataclass(frozen=True, slots=True)
class EvalIndex:
    """Evaluation items and the tables that find them.

    `arrays` holds, all little-endian: chars uint32 (normalised characters of all words);
    word_chars int64 [w + 1]; word_hashes uint64 [w]; word_flags uint8 [w]; passage_words int64
    [p + 1]; passage_item int32 [p]; passage_form uint8 [p] (0: as written); and for every gram g:
    gram_words int64 (its first word), gram_length int32, gram_rules uint8, posting_start int64
    [g + 1], posting_passage and posting_offset int32 (every passage that holds it, and where, in
    words).
    """

    benchmarks: tuple[str, ...]
    item_benchmark: tuple[int, ...]
    item_ids: tuple[str, ...]
    arrays: dict[str, NDArray[Any]]

    @classmethod
    def build(cls, items: Iterable[EvalItem]) -> EvalIndex:
        """Return the index of the items; items without words and repeated passages are kept out.

        Raises InputError where nothing is left.
        """
        return cls.merged([cls.part(items)])

    @classmethod
    def part(cls, items: Iterable[EvalItem]) -> EvalIndex:
        """Return the index of some of the items, to be merged; it may be empty."""
        rows = list(items)
        benchmarks = tuple(sorted({row.benchmark for row in rows}))
        forms = [
            (number, variant, text)
            for number, row in enumerate(rows)
            for passage in row.passages
            for variant, text in enumerate(_forms(passage))
        ]
        words = split_words([text for _, _, text in forms])
        number = {name: place for place, name in enumerate(benchmarks)}
        return cls(
            benchmarks,
            tuple(number[row.benchmark] for row in rows),
            tuple(row.item for row in rows),
            _word_arrays(words, forms) | _gram_arrays(words),
        )

    @classmethod
    def merged(cls, parts: Sequence[EvalIndex]) -> EvalIndex:
        """Return the index of the items of all parts, in their order: the one built of all at once.

        Raises InputError where they hold no words.
        """
        if not any(len(part.arrays["word_hashes"]) for part in parts):
            raise InputError("the evaluation sets hold no words: check the files and field names.")
        if len(parts) == 1:
            return parts[0]
        benchmarks = tuple(sorted({name for part in parts for name in part.benchmarks}))
        number = {name: place for place, name in enumerate(benchmarks)}
        return cls(
            benchmarks,
            tuple(number[part.benchmarks[n]] for part in parts for n in part.item_benchmark),
            tuple(name for part in parts for name in part.item_ids),
            merged_arrays([part.arrays for part in parts], [len(p.item_ids) for p in parts]),
        )

    def to_bytes(self) -> bytes:
        """Return the file's bytes: the same for the same items in the same order."""
        names = sorted(self.arrays)
        parts = [np.ascontiguousarray(self.arrays[name]) for name in names]
        payload = b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts)
        header = {
            "benchmarks": self.benchmarks,
            "item_benchmark": self.item_benchmark,
            "item_ids": self.item_ids,
            "arrays": [
                [name, part.dtype.str.lstrip("<|"), len(part)]
                for name, part in zip(names, parts, strict=True)
            ],
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        head = json.dumps(header, sort_keys=True, ensure_ascii=True).encode() + b"\n"
        return _MAGIC + head + payload

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file's bytes, hex."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def save(self, path: str) -> str:
        """Write the file atomically; return its fingerprint."""
        data = self.to_bytes()
        files.write_bytes(path, data)
        return hashlib.sha256(data).hexdigest()

    @classmethod
    def load(cls, path: str) -> EvalIndex:
        """Read a file that `save` wrote; raise InputError for a missing, other or damaged file."""
        try:
            data = files.read_bytes(path)
        except OSError as error:
            raise InputError(
                f"cannot read evaluation index {path!r}: {error.strerror}. Build it with "
                "python -m pipelines.build_eval_index."
            ) from error
        if not data.startswith(_MAGIC):
            raise InputError(
                f"{path!r} is no evaluation index of this version (it begins {data[:16]!r}). Build "
                "it with python -m pipelines.build_eval_index."
            )
        head, _, payload = data[len(_MAGIC) :].partition(b"\n")
        header = decode_json(head) if head.endswith(b"}") else {}
        if hashlib.sha256(payload).hexdigest() != header.get("sha256"):
            raise InputError(f"evaluation index {path!r} is damaged (its check sum differs).")
        arrays, place = {}, 0
        for name, kind, size in header["arrays"]:
            dtype = np.dtype("<" + kind)
            arrays[name] = np.frombuffer(payload, dtype, size, place)
            place += dtype.itemsize * size
        return cls(
            tuple(header["benchmarks"]),
            tuple(header["item_benchmark"]),
            tuple(header["item_ids"]),
            arrays,
        )

    def name_of(self, item: int) -> tuple[str, str]:
        """Return (benchmark, item id) of an item number; ("", "") of -1, which means none."""
        if item < 0:
            return "", ""
        return self.benchmarks[self.item_benchmark[item]], self.item_ids[item]

    def passages(self, item: int) -> list[str]:
        """Return the passages of an item number as they were indexed: their normalised words."""
        a = self.arrays
        found = []
        for number in np.flatnonzero(
            (a["passage_item"] == item) & (a["passage_form"] == 0)
        ).tolist():
            bounds = a["word_chars"][
                a["passage_words"][number] : a["passage_words"][number + 1] + 1
            ]
            chars = a["chars"][bounds[0] : bounds[-1]].tobytes().decode("utf-32-le")
            places = (bounds - bounds[0]).tolist()
            found.append(" ".join(chars[i:j] for i, j in itertools.pairwise(places)))
        return found

    def items_of(self, gram: int) -> list[int]:
        """Return the numbers of every item that holds a gram."""
        start, stop = self.arrays["posting_start"][gram : gram + 2]
        passages = self.arrays["posting_passage"][start:stop]
        return sorted(set(self.arrays["passage_item"][passages].tolist()))

    def unsearchable(self, rule: str) -> list[int]:
        """Return the items of which an exact rule holds no gram: their passages are too short."""
        a = self.arrays
        held = (a["gram_rules"] & RULE_BITS[rule]) != 0
        passages = a["posting_passage"][np.repeat(held, np.diff(a["posting_start"]))]
        found = np.zeros(len(self.item_ids), dtype=bool)
        found[a["passage_item"][passages]] = True
        return np.flatnonzero(~found).tolist()


def _forms(passage: str) -> list[str]:
    """Return the passage, then what other words it has with its marks left out, or made blanks."""
    forms = [passage]
    for form in (_MARK.sub("", passage), _MARK.sub(" ", passage)):
        hashes = split_words([form]).hashes
        if not any(np.array_equal(hashes, split_words([other]).hashes) for other in forms):
            forms.append(form)
    return forms


def _word_arrays(words: Words, forms: Sequence[tuple[int, int, str]]) -> dict[str, NDArray[Any]]:
    folded = folded_words(words)
    sizes = np.fromiter((len(word) for word in folded), dtype=np.int64, count=len(folded))
    return {
        "chars": np.frombuffer("".join(folded).encode("utf-32-le"), dtype=np.uint32),
        "word_chars": np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        "word_hashes": words.hashes,
        "word_flags": words.flags,
        "passage_words": words.texts,
        "passage_item": np.array([number for number, _, _ in forms], dtype=np.int32),
        "passage_form": np.array([variant for _, variant, _ in forms], dtype=np.uint8),
    }


def _lengths(size: int, lone: float) -> dict[int, int]:
    """Return {gram length: rule bits} for a passage of `size` words, `lone` of them unspaced."""
    factor = _UNSPACED_FACTOR if lone >= 0.5 else 1.0
    long, short = round(_LONG * factor), round(_SHORT * factor)
    if size < short:
        return {}
    lengths = {short: RULE_BITS["ngram8.v1"]}
    adapted = min(size, long)
    lengths[adapted] = lengths.get(adapted, 0) | RULE_BITS["gpt3.v1"]
    if size >= long:
        lengths[long] = lengths.get(long, 0) | RULE_BITS["ngram13.v1"]
    return lengths


def _gram_arrays(words: Words) -> dict[str, NDArray[Any]]:
    known: Grams = {}
    first: list[int] = []
    length: list[int] = []
    rules: list[int] = []
    postings: list[list[tuple[int, int]]] = []
    for passage in range(len(words.texts) - 1):
        start, stop = int(words.texts[passage]), int(words.texts[passage + 1])
        lone = float(np.mean(words.flags[start:stop] == LONE)) if stop > start else 0.0
        for size, bits in _lengths(stop - start, lone).items():
            for at in range(start, stop - size + 1):
                key = size, words.hashes[at : at + size].tobytes()
                gram = known.setdefault(key, len(first))
                if gram == len(first):
                    first.append(at)
                    length.append(size)
                    rules.append(0)
                    postings.append([])
                rules[gram] |= bits
                postings[gram].append((passage, at - start))
    starts = np.cumsum([0, *(len(found) for found in postings)])
    flat = np.array([pair for found in postings for pair in found], dtype=np.int32).reshape(-1, 2)
    return {
        "gram_words": np.array(first, dtype=np.int64),
        "gram_length": np.array(length, dtype=np.int32),
        "gram_rules": np.array(rules, dtype=np.uint8),
        "posting_start": starts.astype(np.int64),
        "posting_passage": np.ascontiguousarray(flat[:, 0]),
        "posting_offset": np.ascontiguousarray(flat[:, 1]),
    }
