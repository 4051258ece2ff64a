"""A finished run as training data: its stream, its tokenizer, the stretch that a seed trains on, its texts.

Seed s begins where a hash of it points in the stream, so that seeds differ by data as well as by
first weights; equal seeds begin at the same share of every run's stream. Limit: a run's shards and
tokenizer must be there (any `--keep`); object stores are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.ablate.settings import Settings
from corpusforge.errors import InputError
from corpusforge.fields import build
from corpusforge.hashing import uniform
from corpusforge.io import files
from corpusforge.io.parquet import read_table
from corpusforge.run.directory import read_manifest, read_recipe
from corpusforge.run.tokens import load_tokenizer
from corpusforge.shard.reader import TokenStream
from corpusforge.tokenize.settings import Settings as TokenizeSettings
from corpusforge.tokenize.tokenizer import Tokenizer

__all__ = ["Corpus", "open_corpus"]

Ids = NDArray[np.int64]
_CHUNK = 1 << 20  # ids decoded at once


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """What a model is trained on: `stream` is read in steps of `batch` sequences of its `seq_len`."""

    name: str
    directory: str
    tokenizer: Tokenizer
    stream: TokenStream

    @property
    def prefix(self) -> int:
        """The id that stands before a text in the stream."""
        start = self.tokenizer.start_id
        return self.tokenizer.end_id if start is None else start

    def epochs(self, settings: Settings) -> float:
        """Return how often a model reads the whole stream."""
        return settings.steps * settings.batch / len(self.stream)

    def numbers(self, step: int, seed: int, settings: Settings) -> Ids:
        """Return the sequence numbers of a step, int64 [batch]; the stream's end is followed by its begin."""
        key = np.zeros(1, dtype=np.uint64)
        first = int(uniform(key, seed, "ablate/begin")[0] * len(self.stream))
        place = first + step * settings.batch
        return np.arange(place, place + settings.batch) % len(self.stream)

    def stretch(self, seed: int, settings: Settings) -> Ids:
        """Return the ids that a seed trains on, in order, each once; int64 [tokens]."""
        steps = min(settings.steps, len(self.stream) // settings.batch)
        numbers = [self.numbers(step, seed, settings) for step in range(steps)]
        size = self.stream.seq_len
        return np.concatenate([self.stream[n][:size] for n in np.concatenate(numbers)]).astype(
            np.int64
        )

    def trained(self, settings: Settings) -> Iterator[str]:
        """Yield the documents that any seed trains on, by decoding the stream; cut at a stretch's ends."""
        mask = np.zeros(len(self.stream), dtype=bool)
        for seed in range(settings.seeds):
            for step in range(min(settings.steps, -(-len(mask) // settings.batch))):
                mask[self.numbers(step, seed, settings)] = True
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
        for start, stop in edges.reshape(-1, 2) * self.stream.seq_len:
            yield from self._texts(self.stream, int(start), int(stop) + 1)

    def texts(self) -> Iterator[str]:
        """Yield every document of the stream, a repeated one as often, by decoding it."""
        return self._texts(self.stream, 0, self.stream.tokens)

    def documents(self) -> Iterator[str]:
        """Yield the id of every document of the stream, a repeated one as often."""
        for info in files.list_files(files.join(str(self.stream.directory), "*.parquet")):
            yield from read_table(info.path, ["id"]).column("id").to_pylist()

    def validation(self) -> list[str]:
        """Return the texts of the run's own validation split, none where it has none."""
        folder = files.join(self.directory, "shards", "val")
        if not files.list_files(files.join(folder, "*.bin")):
            return []
        stream = TokenStream(folder, self.stream.seq_len)
        return list(self._texts(stream, 0, stream.tokens))

    def _texts(self, stream: TokenStream, start: int, stop: int) -> Iterator[str]:
        rest = np.zeros(0, dtype=stream.dtype)
        for place in range(start, stop, _CHUNK):
            ids = np.concatenate([rest, stream.read(place, min(place + _CHUNK, stop))])
            ends = np.flatnonzero(ids == self.tokenizer.end_id)
            pieces = np.split(ids, ends + 1)
            rest = pieces.pop()
            yield from map(self._text, pieces)
        if len(rest):
            yield self._text(rest)

    def _text(self, ids: Ids) -> str:
        marks = {self.tokenizer.end_id, self.tokenizer.start_id}
        return self.tokenizer.decode([number for number in ids.tolist() if number not in marks])


def open_corpus(name: str, directory: str, settings: Settings) -> Corpus:
    """Open a finished run; raises RunError where it is none, InputError for too few ids for a step."""
    recipe = read_recipe(directory)
    read_manifest(directory)  # before it, shards may be some of those to come
    tokenizer = load_tokenizer(
        directory, build(TokenizeSettings, recipe["tokenize"], "tokenize")
    )  # fmt: skip
    stream = TokenStream(
        files.join(directory, "shards", "train"), settings.shape.context, settings.batch
    )
    if len(stream) < settings.batch:
        raise InputError(
            f"run {name!r} has {stream.tokens:,} tokens; a step of {settings.batch} sequences takes "
            f"{settings.batch * settings.shape.context:,}. Give a larger run, or a smaller --batch."
        )
    return Corpus(name, directory, tokenizer, stream)
