"""A byte-level BPE trained in the run, so that a run needs no download.

Method: byte-pair encoding over bytes (Sennrich et al. 2016; Radford et al. 2019), by Hugging Face
`tokenizers`; the result is kept as tiktoken ranks, which the run encodes with, and as a
`tokenizer.json` of the same meaning. The same texts in any order give the same file. Limits: the
word counts of the whole sample are in memory; scripts without spaces make long words, which train
slowly.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError, InternalError
from corpusforge.hashing import uniform
from corpusforge.io import files
from corpusforge.tokenize.engines import Tiktoken
from corpusforge.tokenize.huggingface import HuggingFace
from corpusforge.tokenize.patterns import END_OF_TEXT, PATTERNS, START_OF_TEXT, byte_letters
from corpusforge.tokenize.ranks import dump_ranks, dump_tokenizer_json
from corpusforge.tokenize.settings import Settings

__all__ = ["PURPOSE", "Trained", "sample", "train"]

CHECKED_BYTES = 1_000_000
PURPOSE = "tokenizer training"
"""Of the draw by which documents are sampled."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training made: the ranks file, the `tokenizer.json` beside it, ids, and text read."""

    ranks: str
    json: str
    vocab_size: int
    documents: int
    text_bytes: int


def sample(
    keys: NDArray[np.uint64], text_bytes: NDArray[np.int64], settings: Settings, seed: int
) -> NDArray[np.bool_]:
    """Return which documents to train on: a hash sample of about `train_megabytes`.

    `keys` are the documents' id keys, `text_bytes` their sizes; any order gives the same documents.
    `keys`, `text_bytes` and the result (bool) are [documents].
    """
    order = np.lexsort((keys, uniform(keys, seed, PURPOSE)))
    before = np.cumsum(text_bytes[order]) - text_bytes[order]
    chosen = np.zeros(len(keys), dtype=bool)
    chosen[order[before < settings.train_megabytes * 1e6]] = True
    return chosen


def train(texts: Iterable[str], settings: Settings, path: str) -> Trained:
    """Train on all `texts`; write `path` (ranks) and `tokenizer.json` beside it.

    Raises InputError where the texts are empty.
    """
    read = _Read()
    tokenizer = _fit(read.through(texts), settings)
    if not read.text_bytes:
        raise InputError(
            "tokenize: no text to train a tokenizer on. Check the sources and filters, or name one."
        )
    ranks = _ranks(tokenizer.get_vocab(with_added_tokens=False))
    pattern = _pattern(settings)
    specials = {END_OF_TEXT: len(ranks)}
    if settings.start_token:
        specials[START_OF_TEXT] = len(ranks) + 1
    beside = files.join(path.rpartition("/")[0] or ".", "tokenizer.json")
    _check(ranks, pattern, specials, read.head)
    dump_tokenizer_json(beside, ranks, pattern, specials)
    dump_ranks(path, ranks)
    total = len(ranks) + len(specials)
    return Trained(path, beside, total, read.documents, read.text_bytes)


class _Read:
    """Counts what passes and keeps the first texts for the check."""

    def __init__(self) -> None:
        self.documents = 0
        self.text_bytes = 0
        self.head: list[str] = []

    def through(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            if self.text_bytes < CHECKED_BYTES:
                self.head.append(text)
            self.documents += 1
            self.text_bytes += len(text.encode("utf-8", "surrogatepass"))
            # what delimits documents must not be learned as a token of ordinary text
            yield text.replace(END_OF_TEXT, " ").replace(START_OF_TEXT, " ")


def _pattern(settings: Settings) -> str:
    name = settings.pattern or "gpt2"
    return PATTERNS.get(name, name)


def _fit(texts: Iterator[str], settings: Settings) -> Any:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    try:
        cut = pre_tokenizers.Split(Regex(_pattern(settings)), behavior="isolated")
    except Exception as error:  # the library raises bare Exception for a bad expression
        raise InputError(
            f"tokenize.pattern {settings.pattern!r} is not usable: {error}."
        ) from error
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, letters])
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size - 1 - settings.start_token,
        min_frequency=2,
        show_progress=False,
        special_tokens=[],
        initial_alphabet=byte_letters(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _ranks(vocabulary: dict[str, int]) -> dict[bytes, int]:
    value = {letter: byte for byte, letter in enumerate(byte_letters())}
    return {bytes(value[letter] for letter in token): n for token, n in vocabulary.items()}


def _check(
    ranks: dict[bytes, int], pattern: str, specials: dict[str, int], texts: list[str]
) -> None:
    """Raise InternalError where the two files would not give the same ids on the first texts.

    Raises InputError where the pattern leaves parts of them out.
    """
    import json

    from corpusforge.tokenize.ranks import tokenizer_json

    table = json.dumps(tokenizer_json(ranks, pattern, specials), ensure_ascii=False)
    batch = pa.array(texts, type=pa.large_string())
    ids, ends, lost = Tiktoken.of_ranks(ranks, pattern, specials).counted(batch)
    if lost.any():
        raise InputError(
            f"tokenize.pattern {pattern!r} leaves out {int(lost.sum())} of {sum(map(len, texts))} "
            "characters. Let it match every character, as gpt2, cl100k and o200k do."
        )
    theirs = HuggingFace(table.encode(), "tokenizer.json", tuple(specials)).encode(batch)
    for row, (a, b) in enumerate(itertools.pairwise(ends)):
        if not np.array_equal(ids[a:b], theirs[0][theirs[1][row] : theirs[1][row + 1]]):
            raise InternalError(
                f"the trained tokenizer's two files differ on training text {row}: "
                f"{texts[row][:60]!r}…"
            )
