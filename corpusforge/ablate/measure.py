"""What a trained model says of texts: bits per byte, choices, last words, memorised text, loss by place.

Every measure is a `Tally`: a numerator and a denominator per item, so that its figure is a ratio of
sums, and items can be drawn anew. Bits per byte (Gao et al. 2021, The Pile, section 3.1) do not
depend on the tokenizer. A text longer than the context is read in windows that overlap by a quarter,
so every id but the first few has at least a quarter of a context before it. Choices are compared by
bits per byte of the answer without its blank (lm-evaluation-harness's `acc_norm` is per character). A
continuation is memorised where the likeliest id is the true one at each of its places, for then greedy
decoding gives it (Carlini et al. 2022). Limit: one text stands alone, without others before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.ablate import model
from corpusforge.ablate.corpus import Corpus
from corpusforge.ablate.items import Choice, Cloze
from corpusforge.ablate.settings import Settings
from corpusforge.ablate.train import autocast, device_of
from corpusforge.hashing import uniform
from corpusforge.tokenize.tokenizer import Tokenizer

__all__ = [
    "Bits",
    "Scored",
    "Tally",
    "bits_per_byte",
    "choices",
    "cloze",
    "scorer",
    "stream_tallies",
]

F64 = NDArray[np.float64]
_BATCH = 8_192  # ids of one forward pass
_PROMPT = 50  # ids of a memorisation probe, and of its continuation (Carlini et al. 2022)
_PLACES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """A measure's items: its figure is `above.sum() / below.sum()`, both float64 [items]."""

    above: F64
    below: F64

    @property
    def value(self) -> float:
        """The figure; NaN without items."""
        return float(self.above.sum() / self.below.sum()) if len(self.below) else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A sequence's ids after its first: the bits each took, and whether it was the likeliest; [ids - 1]."""

    bits: F64
    likeliest: NDArray[np.bool_]


Sequences = Sequence[NDArray[np.int64]]
Scorer = Callable[[Sequences], list[Scored]]
Bits = Callable[[Sequences], list[F64]]
"""Bits of each sequence's ids after the first."""


def _windows(size: int, context: int) -> list[tuple[int, int]]:
    """Return (first id read, first id scored) of the windows over a sequence of `size` ids."""
    found, scored = [(0, 1)], context + 1
    while scored < size:
        first = min(scored + context - context // 4, size) - context - 1
        found.append((first, scored))
        scored = first + context + 1
    return found


def scorer(weights: Mapping[str, Any], settings: Settings) -> Scorer:
    """Return the function that scores sequences by a model, many windows at once, the long ones first."""
    torch = model.library()
    device, context = device_of(settings), settings.shape.context

    def scores(rows: Any) -> tuple[Any, Any]:
        with torch.inference_mode(), autocast(settings, device):
            logits = model.forward(weights, rows[:, :-1], settings.shape).float()
        targets = rows[:, 1:]
        nats = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), reduction="none"
        )
        bits = nats.view(targets.shape).cpu().double() / np.log(2)
        return bits, (logits.argmax(-1) == targets).cpu()

    def score(sequences: Sequences) -> list[Scored]:
        made = [Scored(np.zeros(len(s) - 1), np.zeros(len(s) - 1, bool)) for s in sequences]
        jobs = [
            (n, first, scored, min(first + context + 1, len(row)))
            for n, row in enumerate(sequences)
            for first, scored in _windows(len(row), context)
        ]
        jobs.sort(key=lambda job: job[1] - job[3])
        while jobs:
            width = jobs[0][3] - jobs[0][1]
            some, jobs = jobs[: max(1, _BATCH // width)], jobs[max(1, _BATCH // width) :]
            rows = torch.zeros((len(some), width), dtype=torch.int64)
            for row, (n, first, _, stop) in zip(rows, some, strict=True):
                row[: stop - first] = torch.from_numpy(sequences[n][first:stop].astype(np.int64))
            bits, likeliest = scores(rows.to(device))
            for k, (n, first, scored, stop) in enumerate(some):
                here, there = (
                    slice(scored - first - 1, stop - first - 1),
                    slice(scored - 1, stop - 1),
                )
                made[n].bits[there] = bits[k, here].numpy()
                made[n].likeliest[there] = likeliest[k, here].numpy()
        return made

    return score


def _encoded(tokenizer: Tokenizer, prefix: int, texts: Sequence[str]) -> list[NDArray[np.int64]]:
    ids, offsets = tokenizer.encode(pa.array(texts, type=pa.large_string()))
    pieces = np.split(ids.astype(np.int64), offsets[1:-1])
    return [np.concatenate([[prefix], piece]) for piece in pieces]


def bits_per_byte(bits: Bits, corpus: Corpus, texts: Sequence[str]) -> Tally:
    """Return bits above bytes of each text, by any model of the corpus's ids."""
    found = bits(_encoded(corpus.tokenizer, corpus.prefix, texts)) if texts else []
    sizes = [float(len(text.encode())) for text in texts]
    return Tally(np.array([row.sum() for row in found]), np.array(sizes))


def _continued(
    score: Scorer, corpus: Corpus, pairs: Sequence[tuple[str, str]], context: int
) -> list[Scored]:
    """Return the scores of the ids of each pair's second text behind the first.

    The pair is encoded as a whole: the answer's ids are those after the ids that both share with the
    first text alone. A prompt too long for the context loses its beginning.
    """
    whole = _encoded(corpus.tokenizer, corpus.prefix, [a + b for a, b in pairs])
    alone = _encoded(corpus.tokenizer, corpus.prefix, [a for a, _ in pairs])
    kept, starts = [], []
    for row, prompt in zip(whole, alone, strict=True):
        size = min(len(row), len(prompt))
        shared = int(np.argmin(np.append(row[:size] == prompt[:size], False)))
        cut = max(0, len(row) - context - 1)
        kept.append(row[cut:])
        starts.append(max(0, shared - cut - 1))
    scored = score(kept)
    return [
        Scored(one.bits[start:], one.likeliest[start:])
        for one, start in zip(scored, starts, strict=True)
    ]


def choices(
    score: Scorer, corpus: Corpus, items: Sequence[Choice], context: int
) -> dict[str, Tally]:
    """Return accuracy, and bits per byte of the right answers, of multiple-choice items."""
    pairs = [(item.prompt, answer) for item in items for answer in item.answers]
    found = iter(_continued(score, corpus, pairs, context))
    right, bits, sizes = [], [], []
    for item in items:
        lengths = [len(answer.strip().encode()) for answer in item.answers]
        total = [float(next(found).bits.sum()) for _ in item.answers]
        rates = [a / b for a, b in zip(total, lengths, strict=True)]
        right.append(float(rates.index(min(rates)) == item.right))
        bits.append(total[item.right])
        sizes.append(float(lengths[item.right]))
    return {
        "accuracy": Tally(np.array(right), np.ones(len(right))),
        "answer": Tally(np.array(bits), np.array(sizes)),
    }


def cloze(score: Scorer, corpus: Corpus, items: Sequence[Cloze], context: int) -> Tally:
    """Return how often greedy decoding gives the last word of a text."""
    found = _continued(score, corpus, [(item.before, item.last) for item in items], context)
    right = [float(one.likeliest.all()) for one in found]
    return Tally(np.array(right), np.ones(len(right)))


def stream_tallies(
    score: Scorer, corpus: Corpus, settings: Settings, seed: int
) -> dict[str, Tally]:
    """Return the share of memorised continuations, and bits per token by tenth of the trained stream.

    `probes` places are drawn by hash, as many in each tenth; a sequence gives one continuation.
    """
    steps, each = settings.steps, -(-settings.probes // _PLACES)
    keys = np.arange(_PLACES * each, dtype=np.uint64)
    drawn = uniform(keys, seed, "ablate/probe") + np.repeat(np.arange(_PLACES), each)
    rows = np.minimum(drawn / _PLACES * steps * settings.batch, steps * settings.batch - 1)
    numbers = [
        int(corpus.numbers(int(row) // settings.batch, seed, settings)[int(row) % settings.batch])
        for row in rows
    ]
    found = score([corpus.stream[number].astype(np.int64) for number in numbers])
    span = slice(_PROMPT - 1, 2 * _PROMPT - 1)
    whole = np.array([float(one.likeliest[span].all()) for one in found])
    made = {"memorised": Tally(whole, np.ones(len(whole)))}
    for place in range(_PLACES):
        some = found[place * each : (place + 1) * each]
        made[f"stream/{place + 1:02}"] = Tally(
            np.array([one.bits.sum() for one in some]),
            np.array([float(len(one.bits)) for one in some]),
        )
    return made
