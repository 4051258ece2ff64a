"""The green-list watermark: is more of a text's tokens green than chance gives (Kirchenbauer et al. 2023)?

The token before a token, times a key, seeds a permutation of the vocabulary, whose first share `gamma` is
green. The generator is that of the authors' code and of transformers (`lefthash`, context width 1, on the
CPU): torch's Mersenne Twister and its shuffle, done here by numpy, so no torch is needed. Limits: key,
gamma, tokenizer and vocabulary must be those of the generation; text that was cut into other tokens loses
its mark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

__all__ = ["Green", "green_tokens", "is_green", "z_score"]

_WORD = 1 << 32
_MOD = (1 << 64) - 1

Green = tuple[int, int]
"""Green tokens, and tokens that were looked at."""


def z_score(green: int, total: int, gamma: float) -> float:
    """Return by how many standard deviations the green tokens exceed gamma · total. Raises ValueError."""
    if not 0 < gamma < 1 or total < 1:
        raise ValueError(f"z of {green} green tokens of {total} at gamma {gamma} is not defined")
    return (green - gamma * total) / math.sqrt(total * gamma * (1 - gamma))


def is_green(before: int, token: int, gamma: float, key: int, vocabulary: int) -> bool:
    """Return whether a token is in the green list that the token before it seeds."""
    size = int(vocabulary * gamma)
    jumps = _jumps(before, size, key, vocabulary)
    place, step = token, 0
    while True:
        met = np.flatnonzero(jumps[step:] == place)
        caught = step + int(met[0]) if len(met) else size
        if place < caught:  # the shuffle comes to its place first, and puts it away
            if place < step:
                return True
            step, place = place + 1, int(jumps[place])
            if place < step:
                return True
        else:
            return caught < size


def _jumps(before: int, size: int, key: int, vocabulary: int) -> np.ndarray:
    """Which place each of the first `size` steps of torch's randperm swaps with; int64 [size]."""
    seed = (key * before % _MOD) % _WORD
    drawn = np.random.RandomState(seed).randint(0, _WORD, size=size, dtype=np.uint32)
    steps = np.arange(size, dtype=np.int64)
    return steps + drawn.astype(np.int64) % (vocabulary - steps)


def green_tokens(ids: Sequence[int], gamma: float, key: int, vocabulary: int) -> Green:
    """Return how many tokens are green, each pair of neighbours counted once: repeats prove nothing more."""
    pairs = dict.fromkeys(pairwise(ids))
    green = sum(is_green(before, token, gamma, key, vocabulary) for before, token in pairs)
    return green, len(pairs)
